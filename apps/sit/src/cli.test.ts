import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namesIn, scopes } from "./command-line/options.js";
import { program } from "./program.js";
import { optionName } from "./settings/check.js";
import { ensureBuilt, makePictures, sit, tiny as tinyOptions } from "./testing.js";

let folder: string;
const run = (...args: string[]) => sit(folder, args);
const at = (...path: string[]) => join(folder, ...path);
const json = (...path: string[]) => JSON.parse(readFileSync(at(...path), "utf8"));

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "sit-cli-"));
  await makePictures(at("photos"), 12);
  mkdirSync(at("flat"));
  const [picture] = readdirSync(at("photos", "red"));
  writeFileSync(at("flat", "one.png"), readFileSync(at("photos", "red", picture as string)));
  mkdirSync(at("empty"));
  mkdirSync(at("texts"));
  writeFileSync(at("texts", "notes.txt"), "no picture");
  writeFileSync(at("broken.config.ts"), "export default { seed: 1, colour: 2 };\n");
  writeFileSync(at("typo.config.ts"), "export default { settings: { widht: 2 } };\n");
  writeFileSync(at("value.config.ts"), 'export default { settings: { width: "wide" } };\n');
  writeFileSync(at("seed.config.ts"), "export default { seed: -1 };\n");
  writeFileSync(at("list.config.ts"), "export default { settings: [64] };\n");
  writeFileSync(at("parts.config.ts"), "export default { parts: () => 3 };\n");
  writeFileSync(
    at("corruption.config.ts"),
    "export default { parts: { corruption: { name: 'none', corrupt: () => undefined } } };\n",
  );
  writeFileSync(at("throws.config.ts"), 'throw new Error("no such module");\n');
  writeFileSync(at("own.config.ts"), "export default { settings: { constructor: 1 } };\n");
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tiny = tinyOptions.split(" ");
/** What a config file imports a package by here. */
const module = (name: string) =>
  JSON.stringify(import.meta.resolve(`../../../packages/${name}/dist/index.js`));

describe("bad input", () => {
  const cases: [why: string, args: string, says: RegExp][] = [
    ["an unknown option", "pretrain --widht 3", /unknown option '--widht' \(Did you mean --width\?\)/],
    ["an unknown command", "train", /unknown command 'train'/],
    ["too many arguments", "pretrain photos", /too many arguments/],
    [
      "text for a number",
      "pretrain --width wide",
      /--width: expected a whole number of at least 1, got "wide"/,
    ],
    ["nothing for a number", "pretrain --seed= --data photos", /--seed: expected a whole number/],
    ["a number out of range", "pretrain --flip 1.5", /--flip: expected a number from 0 to 1, got "1.5"/],
    ["a choice there is not", "pretrain --corruption holes", /--corruption: expected one of zeros, noise/],
    ["a preset there is not", "pretrain --preset huge", /--preset: expected one of demo/],
    ["an engine there is not", "pretrain --engine abacus", /--engine: expected one of auto/],
    ["a variant there is not", "engine install --variant tpu", /--variant <name>' argument 'tpu' is invalid/],
    ["a missing folder", "pretrain --data nowhere", /--data nowhere: expected a folder of images/],
    ["a file as folder", "pretrain --data texts/notes.txt", /--data texts\/notes.txt: expected a folder/],
    ["an empty folder", "pretrain --data empty", /empty: expected images .*, got no files/],
    ["a folder without images", "pretrain --data texts", /texts: expected images .*, got 1 other files/],
    ["no labels", "finetune --from-scratch --data flat", /--data flat: expected a folder for each class/],
    [
      "no labels for k-NN in the demo",
      "demo --data flat --preset paper-small",
      /--data flat: expected a folder/,
    ],
    [
      "too many labels",
      "finetune --from-scratch --data photos --labels-per-class 99",
      /--labels-per-class: expected at most/,
    ],
    ["neither checkpoint nor scratch", "finetune --data photos", /--checkpoint: expected .* got neither/],
    [
      "a checkpoint there is not",
      "knn --checkpoint nowhere",
      /--checkpoint nowhere: expected a run, a pretrained folder, a file of weights or hf:/,
    ],
    ["no checkpoint", "reconstruct", /required option '--checkpoint <folder>' not specified/],
    [
      "a patch that does not divide",
      "pretrain --data photos --patch-size 15",
      /--patch-size: expected a divisor of the image size 224, got 15/,
    ],
    [
      "heads that do not divide",
      "pretrain --width 96 --heads 5",
      /--heads: expected a divisor of the width 96, got 5/,
    ],
    ["an alignment that does not divide", "pretrain --alignment 5", /--alignment: expected a divisor/],
    [
      "blocks in the wrong order",
      "pretrain --block-minimum 0.5",
      /--block-minimum: expected at most the largest block/,
    ],
    [
      "grey for CIFAR-10",
      "pretrain --data cifar-10 --channels 1",
      /--channels: expected 3 for cifar-10, .*got 1/,
    ],
    ["colour for Fashion-MNIST", "demo --channels 3", /--channels: expected 1 for fashion-mnist, .*got 3/],
    [
      "neither a data set nor a folder",
      "pretrain --data cifar10",
      /--data cifar10: expected a folder of images, a Parquet file, or a name of sit data list, got nothing there/,
    ],
    ["nothing to learn", "pretrain --reconstruction none --contrast none", /expected at least one of them/],
    [
      "a method there is not",
      "pretrain --method magic",
      /--method: expected one of sit, gmml, .*got "magic"/,
    ],
    [
      "an option that the method does not use",
      "pretrain --method mae --alpha 3",
      /--alpha: expected settings that the method mae uses, got one of sit, gmml-rotation/,
    ],
    ["colours of grey images", "pretrain --method colorization", /--channels: expected 3 for colorization/],
    [
      "nothing to repair",
      "pretrain --method gmml --reconstruction none",
      /--reconstruction: expected a loss/,
    ],
    [
      "a small crop that patches do not divide",
      "pretrain --method dino --local-size 10",
      /--local-size: expected a multiple of the patch 4, got 10/,
    ],
    [
      "a part that the method has none of",
      "pretrain --method mae --data photos --config corruption.config.ts",
      /config parts.corruption: expected a part that the method mae takes/,
    ],
    ["grey for ImageNet's statistics", "pretrain --statistics imagenet", /--statistics: expected dataset/],
    [
      "another's folder as output",
      "pretrain --data photos --out photos",
      /--out photos: expected a new folder/,
    ],
    ["a seed twice", "demo --seeds 1,1", /--seeds: expected different numbers, got 1 twice/],
    ["no run to report", "report empty", /empty: expected the folder of a run/],
    ["a config file there is not", "pretrain --config none.ts", /--config none.ts: expected a file/],
    [
      "an unknown key in a config file",
      "pretrain --config broken.config.ts",
      /--config broken.config.ts: expected keys among .*, got colour/,
    ],
    [
      "an unknown setting in a config file",
      "pretrain --config typo.config.ts",
      /config settings: expected the name of an option .*, got widht/,
    ],
    [
      "a name that every object has in a config file",
      "pretrain --config own.config.ts",
      /config settings: expected the name of an option .*, got constructor/,
    ],
    [
      "a bad setting in a config file",
      "pretrain --config value.config.ts",
      /config settings.width: expected a whole number of at least 1, got "wide"/,
    ],
    ["a bad seed in a config file", "pretrain --config seed.config.ts", /config seed: expected .*, got -1/],
    [
      "settings that are a list",
      "pretrain --config list.config.ts",
      /config settings: expected an object, got \[64\]/,
    ],
    [
      "parts that are none",
      "pretrain --data photos --config parts.config.ts",
      /config parts: expected a function that makes an object, got 3/,
    ],
    [
      "a config file that throws",
      "pretrain --config throws.config.ts",
      /--config throws.config.ts: cannot be loaded: no such module/,
    ],
    [
      "a share of more than all",
      "pretrain --bad-images 1.5",
      /--bad-images: expected a number from 0 to 1, got "1.5"/,
    ],
    [
      "nothing to resume",
      "pretrain --resume --out empty",
      /--resume empty: expected a checkpoint, .*got none/,
    ],
  ];
  it.each(cases)("%s: one clear line, exit code 2, nothing written", async (_, args, says) => {
    const before = readdirSync(folder);
    const { code, out, err } = await run(...args.split(" "));
    const [line, mend, ...more] = err.trimEnd().split("\n") as [string, ...string[]];
    expect(line).toMatch(/^sit: /);
    expect(line).toMatch(says);
    expect(mend ?? "  ").toMatch(/^ {2}/); // the mend, indented, or nothing
    expect(more).toEqual([]);
    expect(out).toBe("");
    expect(code).toBe(2);
    expect(readdirSync(folder)).toEqual(before);
  });

  it("an engine that cannot be had is no fault of the input: exit code 1", async () => {
    const { code, err } = await sit(folder, [
      "pretrain",
      "--data",
      "photos",
      ...tiny,
      "--engine",
      "tfjs-node-gpu",
    ]);
    // Where there is an NVIDIA card and its engine, this runs.
    if (code !== 0) {
      expect(code).toBe(1);
      expect(err).toMatch(/^sit: /m);
      expect(existsSync(at("runs"))).toBe(false);
    }
    rmSync(at("runs"), { recursive: true, force: true });
  });
});

describe("help", () => {
  it("names every setting of each command, with its default", async () => {
    for (const [command, scope] of Object.entries(scopes)) {
      const { code, out } = await run(...command.split(" "), "--help");
      expect(code).toBe(0);
      const flag = "flag" in scope ? scope.flag : optionName;
      for (const name of namesIn(scope)) {
        expect(out, command).toContain(`${flag(name)} <`);
      }
    }
  });

  it("tells the default of every option", () => {
    const commands = program().commands.flatMap((command) => [command, ...command.commands]);
    for (const command of commands) {
      for (const { long, description, mandatory, defaultValue } of command.options) {
        const told =
          mandatory || defaultValue !== undefined || /\((default: .+|no default)\)$/.test(description);
        expect(told, `sit ${command.name()} ${long}`).toBe(true);
      }
    }
    expect(commands.map((command) => command.name())).toEqual(
      expect.arrayContaining([
        "doctor",
        "install",
        "pretrain",
        "finetune",
        "knn",
        "reconstruct",
        "report",
        "demo",
        "methods",
        "compare",
        "data",
        "get",
      ]),
    );
  });
});

describe("a run from images to pictures, on the portable engine", () => {
  it("pretrains: checkpoint, history, summary and report; lines of JSON and nothing else", async () => {
    const { code, out, err } = await run("pretrain", "--data", "photos", ...tiny, "--epochs", "1", "--json");
    expect(err).toBe("");
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["stage", "progress", "stage-end"]),
    );
    expect(events.at(-1)).toMatchObject({
      event: "result",
      command: "pretrain",
      images: 24,
      pretrain: { steps: 6 },
    });
    expect(readdirSync(at("runs", "pretrain")).sort()).toEqual([
      "checkpoints",
      expect.stringMatching(/^events\.out\.tfevents\.\d+\.0000$/),
      ...["history.jsonl", "pictures", "report.html", "report.json", "summary.json"],
    ]);
    const history = readFileSync(at("runs", "pretrain", "history.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(history).toHaveLength(6);
    expect(JSON.parse(history[0] as string)).toMatchObject({
      step: 0,
      epoch: 0,
      reconstruction: expect.any(Number),
    });
  });

  it("fine-tunes from it, quietly", async () => {
    const { code, out, err } = await run(
      ..."finetune --data photos --checkpoint runs/pretrain --labels-per-class 4 --epochs 2 --batch-size 4".split(
        " ",
      ),
      ..."--engine wasm --workers 0 --quiet".split(" "),
    );
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^Accuracy \d+\.\d\d % on 4 test images, with 8 labels, pretrained\nWrote /);
    const summary = json("runs", "finetune", "summary.json");
    expect(summary).toMatchObject({ start: "pretrained", labels: 8, testImages: 4, steps: 4 });
    expect(summary.accuracy.top1 * 4).toBeCloseTo(Math.round(summary.accuracy.top1 * 4));
  });

  it("tells red from blue by neighbours, from either run", async () => {
    for (const checkpoint of ["runs/pretrain", "runs/finetune"]) {
      const { code, out } = await run(
        ...`knn --data photos --checkpoint ${checkpoint} --neighbours 3 --engine wasm --workers 0 --json`.split(
          " ",
        ),
      );
      expect(code).toBe(0);
      const result = JSON.parse(out.trimEnd().split("\n").at(-1) as string);
      expect(result).toMatchObject({ trainImages: 20, testImages: 4, accuracy: { top1: 1 } });
    }
  });

  it("pictures the reconstruction", async () => {
    const { code } = await run(
      ..."reconstruct --data photos --checkpoint runs/pretrain --count 3 --out grid.png --engine wasm".split(
        " ",
      ),
    );
    expect(code).toBe(0);
    const { width, height, format } = await sharp(at("grid.png")).metadata();
    // 3 columns and 4 rows of 16 pixels, six times as large, with borders of 2.
    expect({ width, height, format }).toEqual({ width: 3 * 98 + 2, height: 4 * 98 + 2, format: "png" });
  });

  it("refuses what a checkpoint cannot do", async () => {
    const wide = await run(..."finetune --data photos --checkpoint runs/pretrain --width 32".split(" "));
    expect(wide).toMatchObject({
      code: 2,
      err: "sit: --width: expected 16, as the checkpoint has it, got 32\n",
    });
    const tuned = await run(..."reconstruct --data photos --checkpoint runs/finetune".split(" "));
    expect(tuned.code).toBe(2);
  });

  it("renders the report again, the same", async () => {
    const page = readFileSync(at("runs", "pretrain", "report.html"), "utf8");
    rmSync(at("runs", "pretrain", "report.html"));
    expect((await run("report", "runs/pretrain")).code).toBe(0);
    expect(readFileSync(at("runs", "pretrain", "report.html"), "utf8")).toBe(page);
  });
});

describe("a config file", () => {
  it("swaps parts and settings; options go before it; its parts are asked for again", async () => {
    writeFileSync(
      at("sit.config.ts"),
      `import { noCorruption } from ${module("masking")};
      import { visionTransformer } from ${module("vit")};
      interface Sizes { width: number }
      const sizes: Sizes = { width: 24 };
      export default {
        data: "photos",
        out: "runs/config",
        seed: 7,
        settings: { imageSize: 16, batchSize: 6, epochs: 9 },
        parts: {
          backbone: visionTransformer({ imageSize: 16, patchSize: 4, width: sizes.width, depth: 1, heads: 3 }),
          corruption: noCorruption(),
          contrast: null,
        },
      };\n`,
    );
    const options = "--config sit.config.ts --epochs 1 --patch-size 8 --engine wasm --workers 0".split(" ");
    const { code, err } = await run("pretrain", ...options, "--quiet");
    expect(err).toBe("");
    expect(code).toBe(0);
    const { pretrain, seed } = json("runs", "config", "summary.json");
    expect(seed).toBe(7);
    expect(pretrain).toMatchObject({ epochs: 1, steps: 4 });
    // Nothing is corrupted, so there is nothing to reconstruct.
    expect(pretrain.losses).toEqual({ reconstruction: [0] });

    const knn = [
      "knn",
      "--checkpoint",
      "runs/config",
      "--data",
      "photos",
      "--engine",
      "wasm",
      "--workers",
      "0",
    ];
    const without = await run(...knn);
    expect(without).toMatchObject({
      code: 2,
      err: expect.stringContaining("--config: expected the config file whose backbone"),
    });
    expect((await run(...knn, "--config", "sit.config.ts", "--quiet")).code).toBe(0);
  });
});

describe("the demo", () => {
  it("writes its summary and report, replaces an earlier run, and repeats over seeds", async () => {
    const args = ["demo", "--data", "photos", "--channels", "3", ...tiny, "--epochs", "1"];
    const more = ["--labels-per-class", "2,4", "--finetune-steps", "2", "--seeds", "0,3"];
    const first = await run(...args, "--labels-per-class", "2", "--finetune-steps", "2", "--json");
    expect(first).toMatchObject({ code: 0, err: "" });
    const summary = json("runs", "demo", "summary.json");
    expect(summary).toMatchObject({
      engine: "wasm",
      dataset: "photos",
      images: 20,
      seed: 0,
      preset: "demo-portable",
      pretrain: {
        epochs: 1,
        steps: 5,
        losses: { reconstruction: [expect.any(Number)], contrast: [expect.any(Number)] },
      },
      knn: { before: expect.any(Number), after: expect.any(Number) },
      accuracy: { 4: { scratch: expect.any(Number), pretrained: expect.any(Number) } },
    });
    expect(summary.warnings).toHaveLength(1);
    expect(summary.peakMemoryMB).toBeGreaterThan(20);
    expect(first.out).toContain("smaller demo");
    expect(existsSync(at("runs", "demo", "checkpoints"))).toBe(true);

    const second = await run(...args, ...more, "--json");
    expect(second).toMatchObject({ code: 0, err: "" });
    const results = json("runs", "demo", "results.json");
    expect(results.seeds).toEqual([0, 3]);
    const { values, mean } = results.accuracy[8].pretrained;
    expect(mean).toBeCloseTo((values[0] + values[1]) / 2);
    // The same seed gives the same numbers.
    expect(results.runs[0].pretrain.losses).toEqual(summary.pretrain.losses);
    expect(readdirSync(at("runs")).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
