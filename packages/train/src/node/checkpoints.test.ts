import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParams, type Params, SitError, writeSafetensors } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { sit } from "../methods/sit.js";
import { pretrain } from "../pretrain.js";
import { disposeState, type TrainState } from "../step.js";
import { checkpointFolder, loadCheckpoint } from "./checkpoints.js";

const scratch = await mkdtemp(join(tmpdir(), "sitjs-checkpoints-"));
afterAll(() => rm(scratch, { recursive: true }));

const describeAll = (params: Params | undefined) =>
  Object.entries(params ?? {}).map(([name, tensor]) => ({
    name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    values: Array.from(tensor.dataSync()),
  }));

const describeState = ({ student, teacher, optimizer, step }: TrainState) => ({
  student: describeAll(student),
  teacher: teacher && describeAll(teacher),
  optimizer: describeAll(optimizer),
  step,
});

function smallState(teacher = true): TrainState {
  const params = (shift: number): Params => ({
    "head.running_mean": tf.tensor1d([0.1 + shift, 1e-30, -1e30]),
    "backbone.weight": tf.tensor2d([1 / 3, -2.5, shift, 4, 5, 6], [2, 3]),
    "head.num_batches_tracked": tf.scalar(16_777_217, "int32"), // no float32 holds it
  });
  return {
    student: params(0),
    teacher: teacher ? params(7) : undefined,
    optimizer: { first_moment: tf.tensor1d([0.5, -0.25]), second_moment: tf.tensor1d([1e-12, 3]) },
    step: 42,
  };
}

const progress = { epoch: 3, step: 42, totalSteps: 100 };

async function failure(work: Promise<unknown>): Promise<SitError> {
  try {
    await work;
  } catch (error) {
    if (SitError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("expected an error");
}

for (const engine of await engines()) {
  describe(`checkpoints on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("come back as they were: every tensor, its type and place, and what the run was made with", async () => {
      const folder = join(scratch, engine.name, "not", "there", "yet");
      const state = smallState();
      const settings = { width: 64, preset: "demo", name: "größe" };
      await checkpointFolder(folder, settings).save(state, progress);
      for (const path of [folder, join(folder, "checkpoint.safetensors")]) {
        const loaded = await loadCheckpoint(path);
        expect(loaded.info).toEqual({ ...progress, settings });
        expect(describeState(loaded.state)).toEqual(describeState(state));
        disposeState(loaded.state);
      }
      disposeState(state);
    });

    it("keep a state without a teacher without one", async () => {
      const folder = join(scratch, engine.name, "no-teacher");
      const state = smallState(false);
      await checkpointFolder(folder).save(state, progress);
      const loaded = await loadCheckpoint(folder);
      expect(loaded.state.teacher).toBeUndefined();
      expect(loaded.info.settings).toEqual({});
      disposeState(loaded.state);
      disposeState(state);
    });

    it("hold the latest state in one file, with nothing beside it and no tensor made", async () => {
      const folder = join(scratch, engine.name, "latest");
      const store = checkpointFolder(folder);
      const state = smallState();
      const leaked = await leakedTensors(async () => {
        await store.save(state, { epoch: 1, step: 10, totalSteps: 100 });
        await store.save(state, progress);
      });
      expect(leaked).toBe(0);
      expect(await readdir(folder)).toEqual(["checkpoint.safetensors"]);
      const loaded = await loadCheckpoint(folder);
      expect(loaded.info.step).toBe(42);
      disposeState(loaded.state);
      disposeState(state);
    });

    it("let a run go on as if it had not been cut off, to the bit", async () => {
      const [size, patchSize, width] = [16, 4, 16];
      const method = sit({
        backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 2, heads: 2 }),
        corruption: gmml(),
        reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss: maskedL1() },
        contrast: { head: projectionHead({ width, hidden: 24, output: 8 }), loss: crossViewNtXent() },
      });
      const loader = memoryLoader({ images: 8, batchSize: 4, views: 2, size }); // 2 steps an epoch
      const folder = join(scratch, engine.name, "resumed");
      const options = { epochs: 4, seed: 5, learningRate: 0.05 };

      const cut = pretrain(method, loader, {
        ...options,
        checkpoints: checkpointFolder(folder),
        checkpointEvery: 2,
      });
      // Left one step after the checkpoint: that step is lost and done again.
      for await (const { step } of cut) if (step === 4) break;
      const { state: initial, info } = await loadCheckpoint(folder);
      expect(info).toMatchObject({ step: 4, epoch: 2, totalSteps: 8 });
      const resumed: [number, number][] = [];
      let after: TrainState | undefined;
      for await (const { step, metrics, state } of pretrain(method, loader, { ...options, initial })) {
        resumed.push([step, metrics.loss as number]);
        after = state;
      }

      const whole: [number, number][] = [];
      let uninterrupted: TrainState | undefined;
      for await (const { step, metrics, state } of pretrain(method, loader, options)) {
        whole.push([step, metrics.loss as number]);
        uninterrupted = state;
      }
      expect(resumed).toEqual(whole.slice(4));
      expect(describeState(after as TrainState)).toEqual(describeState(uninterrupted as TrainState));
      disposeState(after as TrainState);
      disposeState(uninterrupted as TrainState);
    });

    it("of a run longer than this one are refused", async () => {
      const state = smallState();
      const loader = memoryLoader({ images: 4, batchSize: 4, views: 2, size: 16 });
      const method = sit({
        backbone: visionTransformer({ imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2 }),
        corruption: gmml(),
        reconstruction: { head: reconstructionHead({ width: 16, patchSize: 4 }), loss: maskedL1() },
      });
      const error = await failure(pretrain(method, loader, { steps: 41, initial: state }).next());
      expect(error.message).toBe("initial: expected a state of at most 41 steps, got 42");
      disposeState(state);
    });
  });
}

describe("a checkpoint that is none", () => {
  it("is named where there is nothing", async () => {
    const error = await failure(loadCheckpoint(join(scratch, "nowhere")));
    expect(error.code).toBe("missing-file");
    expect(error.message).toContain(join(scratch, "nowhere", "checkpoint.safetensors"));
  });

  it.each([
    ["text", Buffer.from("not a checkpoint at all"), /expected a header of \d+ bytes, got a file of 23/],
    ["empty", Buffer.alloc(0), /expected at least 8 bytes, got 0/],
    [
      "someone else's weights",
      writeSafetensors({ tensors: {}, metadata: { format: "pt" } }),
      /expected a checkpoint of sitjs, got a file without its header entry "sit"/,
    ],
    [
      "a header that lies",
      writeSafetensors({ tensors: {}, metadata: { sit: '{"step":"many"}' } }),
      /without its header entry/,
    ],
  ])("is refused: %s", async (name, bytes, message) => {
    const file = join(scratch, `${name}.safetensors`);
    await writeFile(file, bytes);
    const error = await failure(loadCheckpoint(file));
    expect(error.code).toBe("bad-file");
    expect(error.message).toContain(file);
    expect(error.message).toMatch(message);
  });

  it("is refused where its end is missing, and nothing of it is kept", async () => {
    const folder = join(scratch, "cut");
    const state = smallState();
    await checkpointFolder(folder).save(state, progress);
    const file = join(folder, "checkpoint.safetensors");
    await writeFile(file, (await readFile(file)).subarray(0, -5));
    const leaked = await leakedTensors(async () => {
      expect((await failure(loadCheckpoint(folder))).code).toBe("bad-file");
    });
    expect(leaked).toBe(0);
    disposeParams(state.student);
    disposeParams(state.teacher as Params);
    disposeParams(state.optimizer);
  });
});

describe("a folder that cannot be written", () => {
  it("is an error that names it, and leaves no partial file", async () => {
    const parent = join(scratch, "blocked");
    const state = smallState();
    await checkpointFolder(parent).save(state, progress); // makes the parent
    const file = join(parent, "a-file");
    await writeFile(file, "in the place of the folder");
    const error = await failure(checkpointFolder(file).save(state, progress));
    expect(error.code).toBe("disk");
    expect(error.message).toContain(join(file, "checkpoint.safetensors"));
    expect(await readFile(file, "utf8")).toBe("in the place of the folder");
    expect((await readdir(parent)).sort()).toEqual(["a-file", "checkpoint.safetensors"]);
    disposeState(state);
  });

  it("leaves no partial file where a folder lies in the file's place", async () => {
    const folder = join(scratch, "occupied");
    const state = smallState();
    await checkpointFolder(join(folder, "checkpoint.safetensors")).save(state, progress);
    const error = await failure(checkpointFolder(folder).save(state, progress));
    expect(error.code).toBe("disk");
    expect(await readdir(folder)).toEqual(["checkpoint.safetensors"]);
    disposeState(state);
  });
});
