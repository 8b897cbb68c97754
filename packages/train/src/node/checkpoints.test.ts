import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Params, readSafetensors, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { failure, runAll, size, stateBits, tinySit } from "../../test/runs.js";
import type { CheckpointProgress } from "../checkpoint.js";
import { pretrain } from "../pretrain.js";
import { disposeState, type TrainState } from "../step.js";
import {
  checkpointFolder,
  clearCheckpoints,
  inspectCheckpoint,
  listCheckpoints,
  loadCheckpoint,
} from "./checkpoints.js";
import { parseCheckpointInfo } from "./info.js";

const scratch = await mkdtemp(join(tmpdir(), "sitjs-checkpoints-"));
afterAll(() => rm(scratch, { recursive: true }));

function smallState({ teacher = true, step = 42 } = {}): TrainState {
  const params = (shift: number): Params => ({
    "head.running_mean": tf.tensor1d([0.1 + shift, 1e-30, -1e30]),
    "backbone.weight": tf.tensor2d([1 / 3, -2.5, shift, 4, 5, 6], [2, 3]),
    "head.num_batches_tracked": tf.scalar(16_777_217, "int32"), // no float32 holds it
  });
  return {
    student: params(0),
    teacher: teacher ? params(7) : undefined,
    optimizer: { first_moment: tf.tensor1d([0.5, -0.25]), second_moment: tf.tensor1d([1e-12, 3]) },
    step,
    skipped: 1,
  };
}

const progress = (step = 42, loss = 1): CheckpointProgress => ({
  step,
  totalSteps: 100,
  epoch: 3,
  batch: 2,
  skipped: 1,
  metrics: { loss },
  learningRate: 0.1,
  weightDecay: 0.04,
  momentum: 0.99,
  run: {
    method: "sit",
    optimizer: "adamw",
    optimizerSettings: { betas: [0.9, 0.999] },
    seed: -3,
    precision: "float32",
    batchSize: 4,
    stepsPerEpoch: 13,
    totalSteps: 100,
    learningRate: [0.1, 0],
    weightDecay: [0.04],
    momentum: [0.9],
  },
});

async function sitError(work: Promise<unknown>): Promise<SitError> {
  const error = await failure(() => work);
  if (SitError.isInstance(error)) return error;
  throw error ?? new Error("expected an error");
}

/** Saves states of these steps, and disposes them. */
async function saved(
  folder: string,
  steps: readonly (readonly [step: number, loss: number])[],
  keep?: number,
) {
  const store = checkpointFolder(folder, { keep });
  for (const [step, loss] of steps) {
    const state = smallState({ step });
    await store.save(state, progress(step, loss));
    disposeState(state);
  }
}

const stepsIn = async (folder: string) => (await listCheckpoints(folder)).map(({ step }) => step);

for (const engine of await engines()) {
  describe(`checkpoints on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("come back as they were: every tensor, its type and place, and what the run was made with", async () => {
      const folder = join(scratch, engine.name, "not", "there", "yet");
      const state = smallState();
      const settings = { width: 64, preset: "demo", name: "größe" };
      await checkpointFolder(folder, { settings, versions: { sitjs: "1.2.3" } }).save(state, progress());
      const own = join(folder, "checkpoints", "step-000000042");
      expect((await readdir(own)).sort()).toEqual(["checkpoint.json", "checkpoint.safetensors"]);
      for (const path of [folder, own, join(own, "checkpoint.safetensors"), join(own, "checkpoint.json")]) {
        const loaded = await loadCheckpoint(path);
        expect(loaded.path).toBe(own);
        expect(loaded.info).toMatchObject({ ...progress(), settings, backend: tf.getBackend() });
        expect(loaded.info.versions).toEqual({
          sitjs: "1.2.3",
          tfjs: tf.version_core,
          node: process.versions.node,
        });
        expect(loaded.run).toEqual(progress().run);
        expect(stateBits(loaded.state)).toEqual(stateBits(state));
        expect(await inspectCheckpoint(path)).toEqual({ path: own, info: loaded.info });
        disposeState(loaded.state);
      }
      disposeState(state);
    });

    it("keep a state without a teacher without one", async () => {
      const folder = join(scratch, engine.name, "no-teacher");
      const state = smallState({ teacher: false });
      await checkpointFolder(folder).save(state, progress());
      const loaded = await loadCheckpoint(folder);
      expect(loaded.state.teacher).toBeUndefined();
      expect(loaded.info.settings).toEqual({});
      disposeState(loaded.state);
      disposeState(state);
    });

    it("make no tensor", async () => {
      const state = smallState();
      const store = checkpointFolder(join(scratch, engine.name, "no-tensor"));
      expect(await leakedTensors(() => store.save(state, progress()))).toBe(0);
      disposeState(state);
    });

    it("let a run go on from the middle of an epoch as if it had not been cut off, to the bit", async () => {
      const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size }); // 3 steps an epoch
      const folder = join(scratch, engine.name, "resumed");
      const options = { steps: 9, seed: 5, learningRate: 0.05 };
      const cut = pretrain(tinySit(), loader(), {
        ...options,
        checkpoints: checkpointFolder(folder),
        checkpointEvery: { steps: 4 },
      });
      // Left one step after the checkpoint: that step is lost and done again.
      for await (const { step } of cut) if (step === 4) break;
      const resume = await loadCheckpoint(folder);
      expect(resume.info).toMatchObject({ step: 4, epoch: 1, batch: 1, totalSteps: 9 });
      const resumed = await runAll({ ...options, resume }, loader());
      const whole = await runAll(options, loader());
      expect(resumed.reports.map(({ step, metrics }) => [step, metrics])).toEqual(
        whole.reports.slice(4).map(({ step, metrics }) => [step, metrics]),
      );
      expect(stateBits(resumed.state)).toEqual(stateBits(whole.state));
      disposeState(resumed.state);
      disposeState(whole.state);
    });

    it("of a run longer than this one are refused", async () => {
      const state = smallState();
      const loader = memoryLoader({ images: 4, batchSize: 4, views: 2, size });
      const error = await sitError(pretrain(tinySit(), loader, { steps: 41, initial: state }).next());
      expect(error.message).toBe("initial: expected a state of at most 41 steps, got 42");
    });
  });
}

describe("a folder of checkpoints", () => {
  it("keeps the latest and the best, and nothing half done", async () => {
    const folder = join(scratch, "kept");
    await saved(folder, [
      [10, 3],
      [20, 1],
      [30, 2],
    ]);
    expect(await stepsIn(folder)).toEqual([30, 20]);
    await mkdir(join(folder, "checkpoints", ".step-000000040.killed.partial"));
    await saved(folder, [
      [40, 2],
      [50, 1.5],
    ]);
    expect(await stepsIn(folder)).toEqual([50, 40, 20]);
    expect((await readdir(join(folder, "checkpoints"))).length).toBe(3);
    await saved(folder, [[60, 5]], 1);
    expect(await stepsIn(folder)).toEqual([60, 20]);
  });

  it("is cleared of what a killed run has left when a run goes on, though it has nothing left to do", async () => {
    const folder = join(scratch, "leftovers");
    const loader = () => memoryLoader({ images: 4, batchSize: 4, views: 2, size });
    const checkpoints = checkpointFolder(folder);
    disposeState((await runAll({ steps: 2, checkpoints }, loader())).state);
    await mkdir(join(folder, "checkpoints", ".step-000000001.old"));
    const resume = await loadCheckpoint(folder);
    for await (const _ of pretrain(tinySit(), loader(), { steps: 2, checkpoints, resume })) throw new Error();
    expect(await readdir(join(folder, "checkpoints"))).toEqual(["step-000000002"]);
  });

  it("keeps the best by another number, the highest too, or none", async () => {
    const [accuracy, none] = [join(scratch, "accuracy"), join(scratch, "no-best")];
    for (const [step, value] of [
      [1, 0.5],
      [2, 0.9],
      [3, 0.7],
      [4, 0.1],
    ] as const) {
      const state = smallState({ step });
      const now = { ...progress(step), metrics: { accuracy: value } };
      const best = { metric: "accuracy", lowest: false };
      await checkpointFolder(accuracy, { keep: 1, best }).save(state, now);
      await checkpointFolder(none, { keep: 1, best: false }).save(state, now);
      disposeState(state);
    }
    expect(await stepsIn(accuracy)).toEqual([4, 2]);
    expect(await stepsIn(none)).toEqual([4]);
  });

  it("drops what lies beyond the step at which a run went on", async () => {
    const folder = join(scratch, "beyond");
    await saved(folder, [
      [10, 3],
      [20, 3],
      [15, 3],
    ]);
    expect(await stepsIn(folder)).toEqual([15, 10]);
  });

  it("keeps an earlier run's until the new one has something to save", async () => {
    const folder = join(scratch, "replaced");
    await saved(folder, [
      [90, 3],
      [95, 3],
    ]);
    const store = checkpointFolder(folder, { replace: true });
    expect(await stepsIn(folder)).toEqual([95, 90]);
    const [first, second] = [smallState({ step: 1 }), smallState({ step: 2 })];
    await store.save(first, progress(1));
    await store.save(second, progress(2));
    expect(await stepsIn(folder)).toEqual([2, 1]);
    disposeState(first);
    disposeState(second);
    await clearCheckpoints(folder);
    expect(await stepsIn(folder)).toEqual([]);
  });

  it("wants to keep at least one", () => {
    expect(() => checkpointFolder("runs", { keep: 0 })).toThrow(/^keep: expected a whole number/);
  });
});

describe("a damaged checkpoint", () => {
  const damages: [string, (folder: string) => Promise<void>, RegExp][] = [
    [
      "cut",
      (folder) => changed(folder, "checkpoint.safetensors", (bytes) => bytes.subarray(0, -5)),
      /expected 2\d\d\d? bytes|expected \d+ bytes/,
    ],
    [
      "with one bit changed",
      (folder) => changed(folder, "checkpoint.safetensors", flipped),
      /expected SHA-256 .* it is damaged/,
    ],
    [
      "empty",
      (folder) => changed(folder, "checkpoint.safetensors", () => Buffer.alloc(0)),
      /expected \d+ bytes, .* got 0/,
    ],
    ["without its tensors", (folder) => rm(join(folder, "checkpoint.safetensors")), /got no file/],
    [
      "without its description",
      (folder) => rm(join(folder, "checkpoint.json")),
      /checkpoint.json: .*cannot read it/,
    ],
    [
      "described in half",
      (folder) => changed(folder, "checkpoint.json", (bytes) => bytes.subarray(0, 99)),
      /checkpoint\.json: expected JSON/,
    ],
  ];

  it.each(damages)(
    "is named: %s; an older one is taken where that is asked for",
    async (name, damage, message) => {
      const folder = join(scratch, `damaged ${name}`);
      await saved(folder, [
        [10, 3],
        [20, 2],
      ]);
      const [latest, older] = await listCheckpoints(folder);
      await damage((latest as { path: string }).path);
      const told: SitError[] = [];
      const leaked = await leakedTensors(async () => {
        const error = await sitError(loadCheckpoint(folder));
        expect(["bad-file", "missing-file"]).toContain(error.code);
        expect(error.message).toContain((latest as { path: string }).path);
        expect(error.message).toMatch(message);
        const loaded = await loadCheckpoint(folder, { onDamaged: (damaged) => told.push(damaged) });
        expect(loaded.path).toBe(older?.path);
        expect(loaded.state.step).toBe(10);
        disposeState(loaded.state);
      });
      expect(told.map(({ message: text }) => text)).toEqual([expect.stringMatching(message)]);
      expect(leaked).toBe(0);
      await damage((older as { path: string }).path);
      expect((await sitError(loadCheckpoint(folder, { onDamaged: () => undefined }))).message).toContain(
        older?.path,
      );
    },
  );

  it("is none: nothing there, or somebody else's file", async () => {
    for (const path of [join(scratch, "nowhere"), scratch]) {
      const error = await sitError(loadCheckpoint(path));
      expect(error.code).toBe("missing-file");
      expect(error.message).toContain(path);
    }
    await mkdir(join(scratch, "foreign"));
    const file = join(scratch, "foreign", "model.safetensors");
    await writeFile(file, "somebody's weights");
    expect((await sitError(loadCheckpoint(file))).message).toMatch(/foreign.*checkpoint\.json/);
  });

  async function changed(folder: string, name: string, change: (bytes: Buffer) => Buffer): Promise<void> {
    const file = join(folder, name);
    await writeFile(file, change(await readFile(file)));
  }

  function flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy[copy.length - 3] = (copy[copy.length - 3] as number) ^ 16;
    return copy;
  }
});

describe("a checkpoint's description", () => {
  const good = async () => {
    const folder = join(scratch, "described");
    await saved(folder, [[42, 1]]);
    const [{ path } = { path: "" }] = await listCheckpoints(folder);
    return JSON.parse(await readFile(join(path, "checkpoint.json"), "utf8"));
  };
  const parse = (value: unknown) => parseCheckpointInfo(Buffer.from(JSON.stringify(value)), "c.json");

  it("is checked field by field", async () => {
    const info = await good();
    expect(parse(info)).toEqual(info);
    for (const name of Object.keys(info)) {
      expect(() => parse({ ...info, [name]: undefined }), name).toThrow(
        new RegExp(`^c\\.json: expected .* as ${name}, got nothing`),
      );
    }
    for (const name of Object.keys(info.run)) {
      const run = { ...info.run, [name]: null };
      expect(() => parse({ ...info, run }), name).toThrow(new RegExp(`as run\\.${name}, got null`));
    }
    for (const name of Object.keys(info.file)) {
      const file = { ...info.file, [name]: [] };
      expect(() => parse({ ...info, file }), name).toThrow(new RegExp(`as file\\.${name}, got \\[\\]`));
    }
    expect(() => parse({ ...info, step: 101 })).toThrow(/at most 100 steps, got 101/);
    expect(() => parse([])).toThrow(/^c\.json: expected an object, got \[\]/);
    expect(() => parse({ ...info, metrics: { loss: "low" } })).toThrow(/numbers by name as metrics/);
  });
});

describe("a folder that cannot be written", () => {
  it("is an error that names the checkpoint; those before it stay, and nothing else is left", async () => {
    const folder = join(scratch, "blocked");
    await saved(folder, [[10, 1]]);
    // What comes next is moved away by the error's own place: a file where the folder should be.
    await rename(join(folder, "checkpoints"), join(folder, "aside"));
    await writeFile(join(folder, "checkpoints"), "in the place of the folder");
    const state = smallState({ step: 20 });
    const error = await sitError(checkpointFolder(folder).save(state, progress(20)));
    expect(error.code).toBe("disk");
    expect(error.message).toContain(join(folder, "checkpoints", "step-000000020"));
    expect(error.mend).toMatch(/intact/);
    expect((await readdir(folder)).sort()).toEqual(["aside", "checkpoints"]);
    await rm(join(folder, "checkpoints"));
    await rename(join(folder, "aside"), join(folder, "checkpoints"));
    expect(await stepsIn(folder)).toEqual([10]);
    disposeState(state);
  });

  it("is written anew where it was removed under the run", async () => {
    const folder = join(scratch, "removed");
    const store = checkpointFolder(folder);
    const [first, second] = [smallState({ step: 1 }), smallState({ step: 2 })];
    await store.save(first, progress(1));
    await rm(folder, { recursive: true });
    await store.save(second, progress(2));
    expect(await stepsIn(folder)).toEqual([2]);
    disposeState(first);
    disposeState(second);
  });
});

it("opens as any safetensors file does, with PyTorch's names", async () => {
  const folder = join(scratch, "foreign-reader");
  await saved(folder, [[42, 1]]);
  const [{ path } = { path: "" }] = await listCheckpoints(folder);
  const { tensors, metadata } = readSafetensors(await readFile(join(path, "checkpoint.safetensors")));
  expect(metadata).toEqual({ format: "pt" });
  expect(Object.keys(tensors).sort()).toEqual([
    "optimizer.first_moment",
    "optimizer.second_moment",
    ...["student", "teacher"].flatMap((part) => [
      `${part}.backbone.weight`,
      `${part}.head.num_batches_tracked`,
      `${part}.head.running_mean`,
    ]),
  ]);
});
