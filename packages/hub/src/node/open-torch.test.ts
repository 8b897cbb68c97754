import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { PickleRecord } from "../torch/pickle-value.js";
import { type OpenTorch, type OpenTorchOptions, openTorch } from "./index.js";

const folder = fileURLToPath(new URL("../../../../fixtures/torch/", import.meta.url));
const scratch = scratchFolder();
const values = JSON.parse(readFileSync(join(folder, "values.json"), "utf8")) as Record<string, number[]>;

async function opened<T>(
  path: string,
  work: (file: OpenTorch) => Promise<T>,
  options: OpenTorchOptions = {},
): Promise<T> {
  const file = await openTorch(path, options);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** A copy of a fixture with bytes changed. */
function changed(name: string, change: (bytes: Buffer) => Buffer): string {
  const path = join(scratch(), "changed.pth");
  writeFileSync(path, change(readFileSync(join(folder, name))));
  return path;
}

describe("a file of torch.save", () => {
  it("has the values of every type", () =>
    opened(join(folder, "dtypes.pth"), async ({ tensors, read }) => {
      const all: Record<string, unknown> = {};
      for (const name of Object.keys(tensors)) {
        const { dtype, shape, data } = await read(name);
        all[name] = [dtype, shape, [...data]];
      }
      expect(all).toEqual({
        f64: ["F64", [2], [0.1, -2.5]],
        f32: ["F32", [1, 3], [1.5, -0.25, 3]],
        f16: ["F16", [2], [0x3800, 0xfbff]],
        bf16: ["BF16", [2], [0x3f80, 0xc049]],
        i64: ["I64", [2], [-1n, 2n ** 62n]],
        i32: ["I32", [2], [-(2 ** 31), 7]],
        i16: ["I16", [2], [-32768, 7]],
        i8: ["I8", [2], [-128, 7]],
        u8: ["U8", [2], [255, 7]],
        u16: ["U16", [2], [65535, 7]],
        bool: ["BOOL", [3], [1, 0, 1]],
        scalar: ["F32", [], [0.75]],
        empty: ["F32", [0, 3], []],
      });
    }));

  it("gives views of one storage row by row, whatever their strides", () =>
    opened(join(folder, "views.pth"), async ({ tensors, read }) => {
      expect(tensors.transposed?.shape).toEqual([4, 2, 3]);
      expect(tensors.steps?.shape).toEqual([2, 2, 2]);
      for (const name of ["whole", "transposed", "row", "column", "steps", "parameter"]) {
        expect([...(await read(name)).data], name).toEqual(values[name]);
      }
    }));

  it.each(["checkpoint.pth", "checkpoint-legacy.pth"])(
    "%s: a training checkpoint with its settings",
    (name) =>
      opened(join(folder, name), async ({ tensors, value, read }) => {
        expect(Object.keys(tensors)).toContain("optimizer.state.0.exp_avg");
        for (const key of ["model.weight", "model.bias"]) {
          expect([...(await read(key)).data], key).toEqual(values[key]);
        }
        expect([...(await read("optimizer.state.0.exp_avg")).data]).toEqual(values.exp_avg);
        const all = value as Map<string, unknown>;
        expect([all.get("epoch"), all.get("best"), all.get("dtype"), all.get("device")]).toEqual([
          3,
          0.5,
          "torch.float16",
          "cpu",
        ]);
        expect(all.get("order")).toEqual(
          new Map<string, unknown>([
            ["a", 1],
            ["b", [true, false]],
          ]),
        );
        expect(all.get("set")).toEqual(new Set([1]));
        const args = all.get("args") as PickleRecord<never>;
        expect(args).toBeInstanceOf(PickleRecord);
        expect(Object.fromEntries(args.fields)).toEqual({
          lr: 0.1,
          name: "vit ü",
          size: [2, 3],
          betas: [0.9, 0.95],
          gpu: null,
        });
      }),
  );

  it.each(["training.pth", "training-legacy.pth"])("%s: what a training script saves of itself", (name) =>
    opened(join(folder, name), async ({ tensors, value, read }) => {
      expect(Object.keys(tensors)).toEqual([
        "student.module.backbone.weight",
        "student.module.backbone.bias",
        "teacher.backbone.weight",
        "teacher.backbone.bias",
      ]);
      const { data } = await read("student.module.backbone.weight");
      expect([...data]).toEqual(values["model.weight"]);
      const all = value as Map<string, unknown>;
      const { fields } = all.get("args") as PickleRecord<never>;
      expect(Object.fromEntries(fields)).toEqual({
        output_dir: "runs/dino",
        lr: 0.0005,
        world_size: 8,
        half: 0.5,
        amp: true,
        dtype: "torch.bfloat16",
        shape: [3, 224, 224],
        device: "cuda:0",
      });
      const counts = new Map([
        [30, 1],
        [60, 1],
      ]);
      expect([all.get("milestones"), all.get("statistics")]).toEqual([counts, new Map([["loss", [0.25]]])]);
      const array = all.get("random") as PickleRecord<never>;
      // Version, shape, type, order, bytes.
      expect([array.name, array.fields.get("1")]).toEqual(["numpy.ndarray", [3]]);
      expect(array.fields.get("4")).toEqual(new Uint8Array(Uint32Array.of(0, 1, 2).buffer));
      expect(all.get("torch")).toMatch(/^2[.]/);
    }),
  );

  it("says which tensors there are where one is not", () =>
    opened(join(folder, "views.pth"), async ({ read }) => {
      const { code, message } = await failure(read("nothing"));
      expect(code).toBe("bad-parameters");
      expect(message).toMatch(/expected a tensor nothing, got only whole, transposed/);
    }));
});

describe("a pickle that would run something", () => {
  it.each([
    ["os-system", /would run posix.system\("touch sitjs-was-executed"\)/],
    ["protocol-4", /would run posix.system\("touch sitjs-was-executed"\)/],
    ["legacy", /would run posix.system\("touch sitjs-was-executed"\)/],
    ["eval", /would run builtins.eval\("open\('sitjs-was-executed', 'w'\)"\)/],
    ["exec", /would run builtins.exec\(/],
    // Protocol 2 has Python 2's name for subprocess.
    ["subprocess", /would run commands.Popen\(\["touch", "sitjs-was-executed"\]\)/],
    ["getattr", /would run builtins.getattr\("os", "system"\)/],
    ["reference", /refers to posix.getcwd/],
    ["bomb", /expected at most \d{4} values, nested at most 32 deep, got more/],
    ["itself", /nested at most 32 deep/],
  ])("%s is refused by its name, and nothing is executed", async (name, expected) => {
    const path = join(folder, "refused", `${name}.pth`);
    const { code, message } = await failure(openTorch(path));
    expect([code, message.startsWith(path)]).toEqual(["bad-file", true]);
    expect(message).toMatch(expected);
    expect(existsSync("sitjs-was-executed")).toBe(false);
  });
});

describe("a checkpoint with objects of classes that are not known", () => {
  const path = (name: string) => join(folder, `training-${name}.pth`);

  it("is refused by their name as a whole, and read where one entry is asked for", async () => {
    const { code, message } = await failure(openTorch(path("unknown")));
    expect([code, message]).toEqual([
      "bad-file",
      `${path("unknown")}: refused, since loading it would run __main__.Meter()`,
    ]);
    await opened(
      path("unknown"),
      async ({ tensors, value, read }) => {
        expect(Object.keys(tensors)).toEqual(["teacher.backbone.weight", "teacher.backbone.bias"]);
        expect([...(value as Map<string, unknown>).keys()]).toEqual(["teacher"]);
        const weights = values["model.weight"] as number[];
        expect([...(await read("teacher.backbone.weight")).data]).toEqual(
          weights.map((value) => Math.fround(value + 1)),
        );
      },
      { only: "teacher" },
    );
  });

  it("is refused where they lie in the entry itself", async () => {
    expect((await failure(openTorch(path("inside"), { only: "student" }))).message).toBe(
      `${path("inside")}: refused, since loading student.meter would need __main__.Meter(), which is not known`,
    );
    const { message } = await failure(openTorch(path("unknown"), { only: "model" }));
    expect(message).toMatch(/expected an entry model, got a dictionary of student, teacher, args/);
  });

  it("runs nothing that it does not read", async () => {
    for (const name of ["os-system", "protocol-4", "legacy", "eval", "reference"]) {
      const refused = join(folder, "refused", `${name}.pth`);
      expect((await failure(openTorch(refused, { only: "model" }))).code, name).toBe("bad-file");
    }
    expect(existsSync("sitjs-was-executed")).toBe(false);
  });
});

describe("a damaged file", () => {
  it.each(["checkpoint.pth", "checkpoint-legacy.pth"])("%s cut off anywhere is refused", async (name) => {
    const whole = readFileSync(join(folder, name));
    for (let length = 0; length < whole.length; length += 61) {
      const path = changed(name, (bytes) => bytes.subarray(0, length));
      const { code, message } = await failure(openTorch(path));
      expect([code, message.startsWith(path)], `${length} bytes: ${message}`).toEqual(["bad-file", true]);
    }
  });

  it.each([2n ** 62n, 2n ** 64n - 1n])("is refused where its archive points at byte %s", async (place) => {
    const path = changed("checkpoint.pth", (bytes) => {
      const locator = bytes.lastIndexOf("PK\x06\x07");
      expect(locator).toBeGreaterThan(0);
      bytes.writeBigUInt64LE(place, locator + 8);
      return bytes;
    });
    await expect(openTorch(path)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringContaining("points at bytes"),
    });
  });

  it("is refused where a tensor reaches beyond its storage", async () => {
    // The shape (2, 3, 4) of `whole`, BININT1s and TUPLE3, with 9 in the place of 2.
    const path = changed("views.pth", (bytes) => {
      const at = bytes.indexOf(Buffer.from([0x4b, 2, 0x4b, 3, 0x4b, 4, 0x87]));
      expect(at).toBeGreaterThan(0);
      bytes[at + 1] = 9;
      return bytes;
    });
    const { message } = await failure(openTorch(path));
    expect(message).toMatch(
      /expected a tensor \[9, 3, 4\] within its storage of 96 bytes, got one up to 432/,
    );
  });

  it("is refused where a storage has another length than the pickle says", async () => {
    // The legacy format says the length beside the values.
    const path = changed("checkpoint-legacy.pth", (bytes) => {
      const at = bytes.indexOf(Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]));
      expect(at).toBeGreaterThan(0);
      bytes[at] = 7;
      return bytes;
    });
    expect((await failure(openTorch(path))).message).toMatch(/expected 6 values of storage/);
  });

  it("of another kind is named as such", async () => {
    const path = changed("views.pth", () => Buffer.from("hello"));
    expect((await failure(openTorch(path))).message).toMatch(/expected a file of torch.save/);
    expect((await failure(openTorch(join(scratch(), "none.pth")))).code).toBe("missing-file");
  });
});
