// A run that is watched, in this process: small pictures, a network that is made in no time, on WebAssembly.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageDataset, imageFolder, memoryDataset } from "@sitjs/data";
import { useEngine } from "@sitjs/engine";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boardOf } from "../../output/board-settings.js";
import { trainingFiles } from "../../run-folder/training-files.js";
import { presetFor } from "../../settings/presets.js";
import type { Settings } from "../../settings/settings.js";
import { makePictures } from "../../testing.js";
import { dryRun } from "../dry-run.js";
import { leftOutImages } from "../left-out.js";
import { pretrainLoader } from "../loaders.js";
import { makeBackbone, makeMethod } from "../model.js";
import { type PretrainingResult, pretraining } from "../pretraining.js";
import type { ExperimentEvent } from "../reporter.js";
import { collapseWarning, hasCollapsed } from "./collapse-warning.js";
import { isLookDue, pictureSteps, watchPlan } from "./plan.js";
import type { WatchRecord } from "./record.js";

const statistics = { mean: [0.5, 0.5, 0.5], deviation: [0.3, 0.3, 0.3] };
const leftOut = leftOutImages(() => undefined);
let folder: string;
let images: ImageDataset;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sit-watching-"));
  await makePictures(join(folder, "photos"), 12);
  images = await imageFolder(join(folder, "photos"), {});
  await useEngine({ prefer: "wasm", onNotice: () => undefined });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tiny: Settings = {
  ...presetFor("demo", "sit"),
  imageSize: 16,
  channels: 3,
  patchSize: 8,
  width: 16,
  depth: 1,
  heads: 2,
  batchSize: 8,
  epochs: 4,
  reconstructionHidden: 16,
  projectionHidden: 16,
  projectionOutput: 8,
  watchShare: 1,
  pictures: 2,
};

/** Pretrains on the images: alone, or watched and written into a folder. */
async function train(
  settings: Settings,
  how: { dataset?: ImageDataset; out?: string; resume?: boolean; stopAfter?: number } = {},
) {
  const { dataset = images, out, resume = false, stopAfter = Number.POSITIVE_INFINITY } = how;
  const context = { settings, statistics, seed: 3, workers: 0, leftOut };
  const backbone = makeBackbone(settings, {});
  const method = makeMethod({ settings, backbone, statistics, images: dataset.length }, {});
  const loader = pretrainLoader(dataset, context, {});
  const events: ExperimentEvent[] = [];
  const report = (event: ExperimentEvent) => void events.push(event);
  const stop = new AbortController();
  const resumed = resume ? await loadCheckpoint(join(folder, out as string)) : undefined;
  const files =
    out === undefined
      ? undefined
      : await trainingFiles(join(folder, out), {
          settings: {},
          keep: 2,
          resumedAt: resumed?.state.step,
          skipNotFinite: 0,
          board: boardOf(method, loader, settings, settings.epochs * loader.stepsPerEpoch),
          report,
        });
  const run = { method, loader, settings, seed: 3, report, signal: stop.signal, resume: resumed };
  const onStep: typeof files extends undefined ? never : NonNullable<typeof files>["onStep"] = async (
    record,
  ) => {
    await files?.onStep(record);
    if (record.step + 1 === stopAfter) stop.abort(new Error("stopped"));
  };
  const watched = out === undefined ? {} : { watched: { dataset, context, parts: {} } };
  const result = await pretraining({ ...run, ...files, ...watched, onStep });
  return { result, events };
}

/** All numbers of a state, which is disposed. */
function numbersOf({ state }: PretrainingResult) {
  const all = { ...state.student, ...state.optimizer, ...state.teacher };
  const numbers = Object.values(all).map((tensor) => Array.from(tensor.dataSync()));
  disposeState(state);
  return numbers;
}
const lines = (out: string) =>
  readFileSync(join(folder, out, "history.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const scratch = (name: string) => mkdtempSync(join(folder, `${name}-`)).slice(folder.length + 1);

describe("a pretraining that is watched", () => {
  let whole: string;
  let numbers: number[][];

  it("comes to the same bits as one that is not, and leaves no tensor", async () => {
    whole = scratch("whole");
    const before = tf.memory().numTensors;
    const alone = numbersOf((await train(tiny)).result);
    const { result, events } = await train(tiny, { out: whole });
    numbers = numbersOf(result);
    expect(numbers).toEqual(alone);
    expect(tf.memory().numTensors).toBe(before);
    // 24 images in batches of 8, 4 epochs; a look before the first step and after each epoch.
    const looks = events.filter(({ event }) => event === "watch") as unknown as WatchRecord[];
    expect(looks.map(({ step, epoch, images }) => [step, epoch, images])).toEqual(
      [0, 1, 2, 3, 4].map((epoch) => [3 * epoch, epoch, 24]),
    );
    expect(looks[0]?.gradientNorm).toBeUndefined();
    for (const { knn, deviation, effectiveRank, rank } of looks) {
      // Red and blue pictures are told apart by any network.
      expect(knn).toBe(1);
      expect(deviation).toBeGreaterThan(0);
      expect(effectiveRank).toBeGreaterThan(1);
      expect(effectiveRank).toBeLessThanOrEqual(16);
      expect(rank).toBeLessThanOrEqual(16);
    }
    expect(result.looks).toHaveLength(5);
  });

  it("tells its plan first", async () => {
    const { events, result } = await train({ ...tiny, epochs: 1 }, { out: scratch("plan") });
    disposeState(result.state);
    expect(events[0]).toMatchObject({
      event: "plan",
      images: 24,
      views: 2,
      batchSize: 8,
      stepsPerEpoch: 3,
      steps: 3,
      learningRate: { base: 8e-3, peak: (8e-3 * 8) / 256, warmupSteps: 0, shape: "cosine" },
      watching: { everyEpochs: 1, images: 24, queries: 4 },
    });
    const { parameters, checkpoints } = events[0] as {
      parameters: Record<string, number>;
      checkpoints: { bytes: number };
    };
    // Student and its two moments, and the teacher; buffers of the heads come on top.
    const { backbone = 0, heads = 0, teacher = 0 } = parameters;
    expect(checkpoints.bytes).toBeGreaterThanOrEqual(4 * (3 * (backbone + heads) + teacher));
  });

  it("writes looks and pictures beside the steps", () => {
    const written = lines(whole);
    expect(written.filter(({ kind }) => kind === "watch").map(({ step }) => step)).toEqual([0, 3, 6, 9, 12]);
    expect(written.filter(({ kind }) => kind === undefined).map(({ step }) => step)).toEqual(
      Array.from({ length: 12 }, (_, i) => i),
    );
    expect(readdirSync(join(folder, whole, "pictures"))).toEqual(["epoch-0002.png", "epoch-0004.png"]);
    expect(readdirSync(join(folder, whole)).filter((name) => name.includes("tfevents"))).toHaveLength(1);
  });

  it("goes on with its looks where it was stopped, in the same bits", async () => {
    const out = scratch("stopped");
    await expect(train(tiny, { out, stopAfter: 7 })).rejects.toThrow("stopped");
    expect(lines(out).at(-1)).toMatchObject({ step: 6 });
    const { result } = await train(tiny, { out, resume: true });
    expect(result.looks?.map(({ step }) => step)).toEqual([0, 3, 6, 9, 12]);
    expect(numbersOf(result)).toEqual(numbers);
    const timeless = (line: Record<string, unknown>) => ({ ...line, seconds: 0, imagesPerSecond: 0 });
    expect(lines(out).map(timeless)).toEqual(lines(whole).map(timeless));
    const of = (name: string) => readdirSync(join(folder, name, "pictures"));
    expect(of(out)).toEqual(of(whole));
    for (const name of of(out)) {
      const [mine, other] = [out, whole].map((run) => readFileSync(join(folder, run, "pictures", name)));
      expect(mine?.equals(other as Buffer)).toBe(true);
    }
    expect(readdirSync(join(folder, out)).filter((name) => name.includes("tfevents"))).toHaveLength(2);
  });

  it("has no k-NN without labels, and no pictures of a method that draws none", async () => {
    const pixels = Uint8Array.from({ length: 16 * 16 * 16 * 3 }, (_, i) => (i * 7919) % 256);
    const dataset = memoryDataset({ pixels, width: 16, height: 16, channels: 3 });
    const out = scratch("unlabelled");
    const settings: Settings = { ...tiny, method: "simclr", epochs: 1, tensorboard: "off" };
    const { result, events } = await train(settings, { dataset, out });
    disposeState(result.state);
    expect(result.looks?.map((look) => "knn" in look)).toEqual([false, false]);
    expect(events[0]).toMatchObject({ watching: { queries: 0, images: 16 } });
    expect(readdirSync(join(folder, out)).sort()).toEqual(["checkpoints", "history.jsonl"]);
  });
});

describe("a dry run", () => {
  it("tells the plan and what the run takes, by a few steps, and leaves nothing", async () => {
    const before = tf.memory().numTensors;
    const context = { settings: tiny, statistics, seed: 3, workers: 0, leftOut };
    const backbone = makeBackbone(tiny, {});
    const method = makeMethod({ settings: tiny, backbone, statistics, images: images.length }, {});
    const loader = pretrainLoader(images, context, {});
    for (const [maximumSteps, timedSteps] of [
      [undefined, 8],
      [1, 1],
    ] as const) {
      const events: ExperimentEvent[] = [];
      const estimate = await dryRun({
        method,
        loader,
        settings: tiny,
        seed: 3,
        report: (event) => void events.push(event),
        maximumSteps,
        watched: { dataset: images, context, parts: {} },
      });
      expect(events[0]).toMatchObject({ event: "plan", images: 24 });
      const { secondsPerStep, seconds, totalSteps, peakMemoryBytes, checkpointBytes } = estimate;
      expect([estimate.timedSteps, totalSteps]).toEqual([timedSteps, maximumSteps ?? 12]);
      expect(secondsPerStep.low).toBeGreaterThan(0);
      expect(secondsPerStep.median).toBeGreaterThanOrEqual(secondsPerStep.low);
      expect(secondsPerStep.high).toBeGreaterThanOrEqual(secondsPerStep.median);
      expect(seconds.median).toBeCloseTo(totalSteps * secondsPerStep.median, 9);
      expect(peakMemoryBytes).toBeGreaterThan(1e7);
      const { checkpoints } = events[0] as { checkpoints: { bytes: number } };
      expect(checkpointBytes).toBe(3 * checkpoints.bytes);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("watchPlan", () => {
  const settings = { watchEvery: 1, watchImages: 2500, watchShare: 0.02 };
  const demo = { settings, images: 20_000, labelled: true, epochs: 8, work: 8 * 160_000 };

  it("is every epoch of the demo, within its share", () => {
    const plan = watchPlan(demo);
    expect(plan).toMatchObject({ everyEpochs: 1, images: 2500, queries: 500 });
    expect(plan?.share).toBeLessThanOrEqual(0.02);
  });

  it("is smaller and rarer where there is little work, and not at all where it is too little", () => {
    expect(watchPlan({ ...demo, images: 3000, work: 8 * 24_000 })).toMatchObject({
      everyEpochs: 2,
      images: 768,
    });
    expect(watchPlan({ ...demo, work: 30_000 })).toMatchObject({ everyEpochs: Infinity, images: 600 });
    expect(watchPlan({ ...demo, work: 20_000 })).toBeUndefined();
    expect(watchPlan({ ...demo, settings: { ...settings, watchShare: 0 } })).toBeUndefined();
  });

  it("is as asked without a limit, and none for 0", () => {
    const asked = { ...settings, watchShare: 1 };
    expect(watchPlan({ ...demo, settings: asked, work: 100 })).toMatchObject({
      everyEpochs: 1,
      images: 2500,
    });
    expect(watchPlan({ ...demo, settings: { ...settings, watchEvery: 0 } })).toBeUndefined();
    expect(watchPlan({ ...demo, labelled: false })).toMatchObject({ queries: 0 });
  });

  it("looks before the first step, every so many epochs, and at the end", () => {
    const length = { totalSteps: 25, stepsPerEpoch: 4 };
    const due = (everyEpochs: number) =>
      Array.from({ length: 26 }, (_, step) => step).filter((step) =>
        isLookDue({ everyEpochs }, step, length),
      );
    expect(due(2)).toEqual([0, 8, 16, 24, 25]);
    expect(due(Number.POSITIVE_INFINITY)).toEqual([25]);
  });

  it("draws pictures evenly over the run", () => {
    expect(pictureSteps(5, { totalSteps: 80, stepsPerEpoch: 10 })).toEqual([20, 40, 50, 70, 80]);
    expect(pictureSteps(5, { totalSteps: 15, stepsPerEpoch: 10 })).toEqual([10, 15]);
    expect(pictureSteps(0, { totalSteps: 15, stepsPerEpoch: 10 })).toEqual([]);
  });
});

describe("a collapse", () => {
  const look = (step: number, deviation: number, effectiveRank: number): WatchRecord => ({
    step,
    epoch: step,
    images: 100,
    deviation,
    effectiveRank,
    rank: 10,
    seconds: 0,
  });

  it("is warned of once, not before the first step, and not again where a run goes on", () => {
    const texts: string[] = [];
    const report = (event: ExperimentEvent) => {
      if (event.event === "warning") texts.push(event.text);
    };
    const warn = collapseWarning(report, []);
    for (const record of [look(0, 0, 1), look(1, 0.3, 8), look(2, 0.01, 3), look(3, 0.5, 1.2)]) warn(record);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain("the embeddings collapse: after 2 steps");
    expect(texts[0]).toContain("--learning-rate");
    collapseWarning(report, [look(2, 0.01, 3)])(look(4, 0.01, 3));
    expect(texts).toHaveLength(1);
  });

  it("is no matter of healthy networks", () => {
    // Random weights, SiT and MAE after an epoch of Fashion-MNIST.
    for (const [deviation, rank] of [
      [0.57, 17.8],
      [0.32, 8.2],
      [0.103, 3.3],
    ] as const) {
      expect(hasCollapsed(look(1, deviation, rank))).toBe(false);
    }
  });
});
