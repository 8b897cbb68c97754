// `--method` and `sit methods`, through the command line; methods/methods.test.ts has every method.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { methodNames } from "./methods/names.js";
import { ensureBuilt, makePictures, sit } from "./testing.js";

let folder: string;
const run = (...args: string[]) => sit(folder, args);
const at = (...path: string[]) => join(folder, ...path);
const json = (...path: string[]) => JSON.parse(readFileSync(at(...path), "utf8"));
/** What a config file imports a package by here. */
const module = (name: string) =>
  JSON.stringify(import.meta.resolve(`../../../packages/${name}/dist/index.js`));

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "sit-method-"));
  await makePictures(at("photos"), 12);
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("another method than SiT", () => {
  const small = "--data photos --image-size 16 --patch-size 4 --width 16 --depth 1 --heads 2 --batch-size 4";
  const mae = `${small} --decoder-width 16 --decoder-depth 1 --decoder-heads 2 --engine wasm --workers 0`;

  it("pretrains, goes on with itself alone, and its checkpoint serves every command", async () => {
    const args = `pretrain --method mae --preset demo --channels 3 ${mae} --out runs/mae`.split(" ");
    expect(await run(...args, "--epochs", "2", "--quiet")).toMatchObject({ code: 0, err: "" });
    const summary = json("runs", "mae", "summary.json");
    expect(summary.settings).toMatchObject({ method: "mae", beta2: 0.95, decoderWidth: 16 });
    expect(summary.pretrain.losses).toEqual({ reconstruction: [expect.any(Number), expect.any(Number)] });
    const { title, settings, pretrain } = json("runs", "mae", "report.json");
    expect(title).toBe("MAE: pretraining on photos");
    expect(settings.pretraining).not.toHaveProperty("alpha");
    expect(pretrain.history[0].parts).toEqual({ reconstruction: expect.any(Number) });

    expect((await run("pretrain", "--resume", "--out", "runs/mae", "--method", "sit")).err).toMatch(
      /--method mae \(now sit\)/,
    );
    expect((await run("pretrain", "--resume", "--out", "runs/mae", "--quiet")).out).toMatch(/is complete/);

    const after = "--data photos --checkpoint runs/mae --engine wasm --quiet";
    expect(
      (await run(..."reconstruct --out mae.png --mask-ratio 0.5".split(" "), ...after.split(" "))).code,
    ).toBe(0);
    expect((await run("knn", "--workers", "0", ...after.split(" "))).code).toBe(0);
    const tune = "finetune --epochs 1 --batch-size 4 --workers 0 --out runs/mae-tuned";
    expect(await run(...tune.split(" "), ...after.split(" "))).toMatchObject({ code: 0, err: "" });
  });

  it("says so where a method has no pictures to show", async () => {
    const args = `pretrain --method rotation --preset demo --channels 3 ${small} --steps 1 --out runs/rotation`;
    expect((await run(...args.split(" "), ..."--engine wasm --workers 0 --quiet".split(" "))).code).toBe(0);
    const { code, err } = await run(..."reconstruct --data photos --checkpoint runs/rotation".split(" "));
    expect(err).toMatch(
      /expected a run that learned to reconstruct, got one of rotation, which has no pictures/,
    );
    expect(code).toBe(2);
  });

  it("comes from a config file", async () => {
    writeFileSync(
      at("method.config.ts"),
      `import { crossEntropy } from ${module("losses")};
      import { randomRotations } from ${module("masking")};
      import { rotationPrediction } from ${module("train")};
      import { perceptronHead } from ${module("vit")};
      export default {
        parts: {
          method: ({ backbone }) => rotationPrediction({
            backbone,
            head: perceptronHead({ width: backbone.width, output: 4 }),
            loss: crossEntropy(),
            rotate: randomRotations,
          }),
        },
      };\n`,
    );
    const args = `pretrain --preset demo --channels 3 ${small} --steps 1 --config method.config.ts --out runs/own`;
    const engine = "--engine wasm --workers 0 --quiet".split(" ");
    expect((await run(...args.split(" "), ...engine)).err).toMatch(
      /config parts.method: expected as many views as the method rotation wants, 1, got 2/,
    );
    expect((await run(...args.split(" "), "--method", "mae", ...engine)).code).toBe(0);
    expect(json("runs", "own", "summary.json").pretrain.losses).toHaveProperty("accuracy");
  });
});

describe("the methods", () => {
  it("are told, and what each has of its own", async () => {
    const all = await run("methods");
    expect(all.out.trimEnd().split("\n")).toHaveLength(methodNames.length);
    const { out } = await run("methods", "mae", "--json");
    const { settings } = JSON.parse(out) as { settings: { option: string }[] };
    expect(settings).toContainEqual({ option: "--mask-ratio", paper: 0.75, small: 0.75 });
    expect(settings).toContainEqual({ option: "--positions", paper: "sincos", small: "learned" });
    expect(settings.map(({ option }) => option)).not.toContain("--alpha");
    expect((await run("methods", "magic")).err).toMatch(/^sit: methods: expected one of sit, .*got magic$/m);
  });
});
