import { type Params, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { memoryLoader } from "../test/memory-loader.js";
import { failure, runAll, savedAt, size, stateBits, tinySit } from "../test/runs.js";
import type { EpochInput, Method } from "./method.js";
import { pretrain } from "./pretrain.js";
import { disposeState } from "./step.js";

/** 3 steps an epoch. */
const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size });
const LABELS = "pseudo_labels";
const numbers = (params: Params, name: string) => Array.from((params[name] as tf.Tensor).dataSync());

/** SiT whose student also holds a number of each image, set before every epoch, that weighs the loss. */
function labelling(onEpoch: (input: EpochInput) => void | Promise<void> = () => {}): Method {
  const sit = tinySit();
  return {
    ...sit,
    init: (rng) => ({ ...sit.init(rng), [LABELS]: tf.fill([12], -1) }),
    async startEpoch(input) {
      await onEpoch(input);
      const labels = new Float32Array(12).fill(-1);
      for await (const { indices, views } of input.batches()) {
        for (const index of indices)
          labels[index] = 1 + index * input.rng.uniform() + (views[0]?.data[0] ?? 0);
      }
      return { [LABELS]: tf.tensor1d(labels) };
    },
    prepare(input) {
      const { indices, student } = input;
      const weights = tf.gather(student[LABELS] as tf.Tensor, tf.tensor1d(indices as Int32Array, "int32"));
      const prepared = sit.prepare(input);
      return {
        ...prepared,
        loss(params) {
          const { loss, ...rest } = prepared.loss(params);
          return { ...rest, loss: tf.mul(loss, tf.mean(weights)) as tf.Scalar };
        },
      };
    },
  };
}

for (const engine of await engines()) {
  describe(`epochs on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("tells a method where it is, and which images it has, at every step", async () => {
      const seen: unknown[] = [];
      const sit = tinySit();
      const method: Method = {
        ...sit,
        prepare(input) {
          seen.push({ ...input.position, indices: Array.from(input.indices ?? []) });
          return sit.prepare(input);
        },
      };
      const { state } = await runAll({ steps: 5 }, loader(), method);
      expect(seen).toEqual(
        [0, 1, 2, 3, 4].map((step) => ({
          step,
          totalSteps: 5,
          stepsPerEpoch: 3,
          epoch: Math.floor(step / 3),
          indices: [0, 1, 2, 3].map((i) => (step % 3) * 4 + i),
        })),
      );
      disposeState(state);
    });

    it("asks a method before every epoch, also a cut one, with the epoch's own batches", async () => {
      const asked: unknown[] = [];
      const source = loader();
      const method = labelling(async ({ position, batches }) => {
        const steps: number[] = [];
        for await (const batch of batches()) steps.push(batch.step);
        asked.push([position.epoch, steps]);
      });
      const { state } = await runAll({ steps: 7 }, source, method);
      expect(asked).toEqual([
        [0, [0, 1, 2]],
        [1, [3, 4, 5]],
        [2, [6]],
      ]);
      const labels = numbers(state.student, LABELS);
      expect(labels.slice(0, 4).every((label) => label !== -1)).toBe(true);
      expect(labels.slice(4), "the cut epoch has four images").toEqual(Array(8).fill(-1));
      disposeState(state);
      expect(source.closed()).toBe(source.opened());
    });

    it("goes on from every step to the same bits, the epoch's border and its middle", async () => {
      const options = { steps: 7, seed: 2, learningRate: 0.05 };
      const whole = await runAll(options, loader(), labelling());
      for (let stop = 1; stop < 7; stop++) {
        const resume = await savedAt(stop, options, loader(), labelling());
        const asked: number[] = [];
        const again = labelling(({ position }) => void asked.push(position.step));
        const { state } = await runAll({ ...options, resume }, loader(), again);
        expect(asked).toEqual([3, 6].filter((step) => step >= stop));
        expect(stateBits(state)).toEqual(stateBits(whole.state));
        disposeState(state);
      }
      disposeState(whole.state);
    });

    it("leaves no tensor where an epoch cannot begin, saves, and says what the method said", async () => {
      let error: unknown;
      const saved: number[] = [];
      const checkpoints = { save: async ({ step }: { step: number }) => void saved.push(step) };
      const method = labelling(({ position }) => {
        if (position.epoch === 1) throw new SitError("bad-option", "no clusters");
      });
      const leaked = await leakedTensors(async () => {
        error = await failure(() => runAll({ steps: 7, checkpoints }, loader(), method));
      });
      expect((error as Error).message).toBe("no clusters");
      expect(saved).toEqual([3]);
      expect(leaked).toBe(0);
    });

    it("stops while a method goes through the images", async () => {
      const stop = new AbortController();
      const method = labelling(({ position }) => {
        if (position.epoch === 1) stop.abort(new Error("enough"));
      });
      let error: unknown;
      const leaked = await leakedTensors(async () => {
        error = await failure(() => runAll({ steps: 7, signal: stop.signal }, loader(), method));
      });
      expect((error as Error).message).toBe("enough");
      expect(leaked).toBe(0);
    });

    it("freezes parameters for as long as the method says, weight decay and norm of the gradients too", async () => {
      const frozen: Method = {
        ...tinySit(),
        frozenSteps(name, { stepsPerEpoch }) {
          if (name.startsWith("backbone.patch_embed.")) return Number.POSITIVE_INFINITY;
          return name.startsWith("head_recons.") ? stepsPerEpoch : 0;
        },
      };
      const patch = "backbone.patch_embed.proj.weight";
      const head = "head_recons.convTrans.weight";
      const [patches, heads, norms]: [number[][], number[][], number[]] = [[], [], []];
      const options = { steps: 5, seed: 4, learningRate: 0.5, weightDecay: [0.5, 0.5] as const };
      for await (const { state, step, gradientNorm } of pretrain(frozen, loader(), options)) {
        patches.push(numbers(state.student, patch));
        heads.push(numbers(state.student, head));
        norms.push(gradientNorm);
        if (step === 4) disposeState(state);
      }
      const free: number[] = [];
      for await (const { gradientNorm, state } of pretrain(tinySit(), loader(), { ...options, steps: 1 })) {
        free.push(gradientNorm);
        disposeState(state);
      }
      expect(norms[0]).toBeLessThan(free[0] as number);
      for (const values of patches) expect(values).toEqual(patches[0]);
      expect(heads[1]).toEqual(heads[0]);
      expect(heads[2]).toEqual(heads[0]);
      expect(heads[3]).not.toEqual(heads[0]);
    });

    it("counts a frozen parameter's steps by updates: one that is skipped is none", async () => {
      const head = "head_recons.convTrans.bias";
      const rate = 0.01;
      const sit = tinySit();
      let prepared = 0;
      const method: Method = {
        ...sit,
        frozenSteps: (name) => (name === head ? 2 : 0),
        prepare(input) {
          const step = sit.prepare(input);
          const broken = prepared++ === 1;
          return broken
            ? { ...step, loss: (params) => ({ ...step.loss(params), loss: tf.scalar(Number.NaN) }) }
            : step;
        },
      };
      const seen: number[][] = [];
      const schedules = { learningRate: () => rate, weightDecay: () => 0 };
      for await (const { state, step } of pretrain(method, loader(), {
        steps: 5,
        schedules,
        skipNotFinite: 1,
      })) {
        seen.push(numbers(state.student, head));
        if (step === 4) disposeState(state);
      }
      // Updates: steps 0, 2, 3, 4; frozen in the first two. Adam's first step is the learning rate in each element.
      expect(seen.slice(0, 3)).toEqual([seen[0], seen[0], seen[0]]);
      const moved = (seen[3] as number[]).map((value, i) => Math.abs(value - (seen[0]?.[i] as number)));
      expect(Math.max(...moved)).toBeLessThanOrEqual(rate * 1.001);
      expect(Math.max(...moved)).toBeGreaterThan(rate * 0.99);
    });
  });
}
