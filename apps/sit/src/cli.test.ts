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
import { methodNames } from "./methods/names.js";
import { program } from "./program.js";
import { optionName } from "./settings/check.js";
import { ensureBuilt, makePictures, sit, startSit, tiny as tinyOptions } from "./testing.js";

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
      /--checkpoint nowhere: expected a checkpoint, or the folder of a run/,
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
      /--data cifar10: expected a folder of images, fashion-mnist or cifar-10, got nothing there/,
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
      /config settings: expected names among .*, got widht/,
    ],
    [
      "a name that every object has in a config file",
      "pretrain --config own.config.ts",
      /config settings: expected names among .*, got constructor/,
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
      const { code, out } = await run(command, "--help");
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
        const told = mandatory || defaultValue !== undefined || /\(default: .+\)$/.test(description);
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
    expect(readdirSync(at("runs", "pretrain")).sort()).toEqual(
      ["checkpoints", "history.jsonl", "report.html", "report.json", "summary.json"].sort(),
    );
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

describe("a comparison of methods", () => {
  const network = "--channels 3 --image-size 16 --patch-size 4 --width 16 --depth 1 --heads 2";
  const heads =
    "--projection-hidden 16 --projection-output 8 --decoder-width 16 --decoder-depth 1 --decoder-heads 2";
  const rest =
    "--batch-size 4 --epochs 8 --finetune-steps 2 --labels-per-class 2,4 --engine wasm --workers 0";
  const args = (methods: string, seeds: string) =>
    `compare --data photos --preset compare ${network} ${heads} ${rest} --methods ${methods} --seeds ${seeds}`.split(
      " ",
    );
  const trial = (method: string, seed: number) => json("runs", "compare", method, `seed-${seed}.json`);

  it("runs each method with each seed on the same images, and does nothing twice", async () => {
    const first = await run(...args("scratch,mae", "0"), "--json");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(at("runs", "compare")).sort()).toEqual(
      ["compare.json", "compare.svg", "mae", "report.html", "report.json", "scratch"].sort(),
    );
    expect(readdirSync(at("runs", "compare", "mae"))).toEqual(["seed-0.json"]);
    const before = trial("mae", 0);
    expect(before).toMatchObject({
      seed: 0,
      images: 20,
      testImages: 4,
      settings: { method: "mae", beta2: 0.95 },
    });
    expect(before.result.pretrain).toMatchObject({ steps: 40, seconds: expect.any(Number) });
    expect(trial("scratch", 0).result).not.toHaveProperty("pretrain");
    expect(before.result.accuracy.map(({ labels }: { labels: number }) => labels)).toEqual([4, 8]);

    const second = await run(...args("scratch,mae,simclr", "0,1"), "--json");
    expect(second).toMatchObject({ code: 0, err: "" });
    expect(second.out).toContain("Already done: 2");
    expect(second.out).not.toContain("MAE, seed 0");
    expect(trial("mae", 0)).toEqual(before);
    const { table, complete, seeds } = json("runs", "compare", "compare.json");
    expect({ complete, seeds }).toEqual({ complete: true, seeds: [0, 1] });
    expect(table.map(({ name, runs }: { name: string; runs: number }) => [name, runs])).toEqual([
      ["From scratch", 2],
      ["MAE", 2],
      ["SimCLR", 2],
    ]);
    const [knn] = table.map((row: { knn: unknown }) => row.knn);
    const values = [trial("scratch", 0), trial("scratch", 1)].map(({ result }) => result.knn);
    expect(knn.values).toEqual(values);
    expect(knn.mean).toBeCloseTo((values[0] + values[1]) / 2);
    expect(readFileSync(at("runs", "compare", "report.html"), "utf8")).toContain("The methods");
  });

  it("refuses other settings than before, naming them and whose", async () => {
    const other = await run(...args("scratch,mae", "0"), "--width", "32", "--learning-rate", "0.1");
    expect(other.code).toBe(2);
    // A network from scratch has no learning rate of pretraining.
    expect(other.err).toMatch(
      /expected the settings that scratch with seed 0 was run with: --width 16 \(now 32\)$/m,
    );
    const rate = await run(...args("scratch,mae", "0"), "--learning-rate", "0.1");
    expect(rate.err).toMatch(/that mae with seed 0 was run with: --learning-rate 0.00\d+ \(now 0.1\)$/m);
    const labels = args("scratch,mae", "0").map((arg) => (arg === "2,4" ? "2" : arg));
    expect((await run(...labels)).err).toMatch(/--labels-per-class 2,4 \(now 2\)/);
    expect((await run(...args("mae", "0"), "--alpha", "2")).err).toMatch(
      /^sit: --(alpha|projection-\w+): expected settings that the method mae uses/,
    );
    expect((await run(...args("mae,mae", "0"))).err).toMatch(
      /--methods: expected different names, got mae twice/,
    );
    expect((await run(...args("scratch,mae", "0"), "--out", "photos")).err).toMatch(
      /--out photos: expected a new folder/,
    );
    // What changes nothing of the result may be another.
    expect((await run(...args("scratch,mae", "0"), "--keep-checkpoints", "1", "--quiet")).code).toBe(0);
  });

  it("is saved when it is stopped, and comes to the same", async () => {
    const whole = trial("mae", 1).result;
    rmSync(at("runs", "compare", "mae", "seed-1.json"));
    const long = [...args("scratch,mae,simclr", "0,1"), "--json"];
    const running = startSit(folder, long);
    await running.says(/"stage":"MAE, seed 1: pretraining","unit":"steps","done":1,/);
    running.child.kill("SIGINT");
    const stopped = await running.finished;
    expect(stopped.code).toBe(130);
    expect(stopped.err).toMatch(
      /saved after step \d+ in .*seed-1.*\n {2}Go on with: sit compare --data photos/,
    );
    const again = await run(...long);
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(again.out).toMatch(/MAE, seed 1: going on after step/);
    const { pretrain, ...measured } = trial("mae", 1).result;
    expect(measured.knn).toEqual(whole.knn);
    expect(measured.accuracy.map(({ top1 }: { top1: number }) => top1)).toEqual(
      whole.accuracy.map(({ top1 }: { top1: number }) => top1),
    );
    expect(pretrain.epochs.map(({ metrics }: { metrics: unknown }) => metrics)).toEqual(
      whole.pretrain.epochs.map(({ metrics }: { metrics: unknown }) => metrics),
    );
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
