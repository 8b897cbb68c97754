import { type Corruption, type Params, type ReconstructionLoss, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type MemoryLoader, memoryLoader } from "../test/memory-loader.js";
import { type SitOptions, sit } from "./methods/sit.js";
import { adamW, type Optimizer } from "./optimizer.js";
import { type CheckpointStore, type PretrainOptions, pretrain, type StepReport } from "./pretrain.js";
import { cosineSchedule } from "./schedules.js";
import { disposeState, type TrainState } from "./step.js";

const [size, patchSize, width] = [16, 4, 16];

function method(changes: Partial<SitOptions> = {}) {
  return sit({
    backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2 }),
    corruption: gmml(),
    reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss: maskedL1() },
    contrast: { head: projectionHead({ width, hidden: 24, output: 8 }), loss: crossViewNtXent() },
    ...changes,
  });
}

/** 3 steps an epoch. */
const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size });

/** All reports, without the borrowed states, and the last state, which is the caller's. */
async function runAll(options: PretrainOptions, source: MemoryLoader = loader(), of = method()) {
  const reports: Omit<StepReport, "state">[] = [];
  let state: TrainState | undefined;
  for await (const { state: current, ...report } of pretrain(of, source, options)) {
    reports.push(report);
    state = current;
  }
  return { reports, state: state as TrainState };
}

const bits = (params: Params | undefined) =>
  Object.entries(params ?? {}).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]);

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

for (const engine of await engines()) {
  describe(`pretrain on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("lasts as long as told, in each unit, and says where it is", async () => {
      for (const [duration, steps] of [
        [{ steps: 7 }, 7],
        [{ epochs: 2 }, 6],
        [{ images: 20 }, 5],
      ] as const) {
        const { reports, state } = await runAll(duration);
        expect(reports.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i));
        expect(reports.map(({ epoch }) => epoch)).toEqual(
          Array.from({ length: steps }, (_, i) => Math.floor(i / 3)),
        );
        expect(reports.filter(({ epochEnd }) => epochEnd).map(({ step }) => step)).toEqual(
          [2, 5, steps - 1].filter((step, i, all) => step < steps && all.indexOf(step) === i),
        );
        expect(reports.every(({ totalSteps }) => totalSteps === steps)).toBe(true);
        expect(reports.at(-1)?.secondsLeft).toBe(0);
        expect(reports.every(({ imagesPerSecond }) => imagesPerSecond > 0)).toBe(true);
        expect(Object.keys(reports[0]?.metrics ?? {})).toEqual(["loss", "reconstruction", "contrast"]);
        expect(state.step).toBe(steps);
        disposeState(state);
      }
    });

    it("gives each batch back when its step is done, and looks at its pixels no more", async () => {
      const kept = await runAll({ steps: 4 });
      const given: number[] = [];
      const taking: MemoryLoader = {
        ...loader(),
        release({ step, views }) {
          given.push(step);
          // Other pixels, as a loader puts there that uses the memory again.
          for (const { data } of views) data.fill(Number.NaN);
        },
      };
      const { reports, state } = await runAll({ steps: 4 }, taking);
      expect(given).toEqual([0, 1, 2, 3]);
      expect(reports.map(({ metrics }) => metrics)).toEqual(kept.reports.map(({ metrics }) => metrics));
      expect(bits(state.student)).toEqual(bits(kept.state.student));
      disposeState(state);
      disposeState(kept.state);
    });

    it("follows SiT's schedules, the learning rate scaled to the batch", async () => {
      const options = {
        learningRate: 0.064,
        finalLearningRate: 1e-4,
        weightDecay: [0.1, 0.3],
        momentum: 0.9,
      } as const;
      const { reports, state } = await runAll({ steps: 20, ...options });
      // Ten epochs of warm-up are more than the run: a tenth of it, two steps, is left.
      const rate = cosineSchedule({ base: 0.064 / 64, final: 1e-4, steps: 20, warmupSteps: 2 });
      const decay = cosineSchedule({ base: 0.1, final: 0.3, steps: 20 });
      const momentum = cosineSchedule({ base: 0.9, final: 1, steps: 20 });
      for (const report of reports) {
        expect(report.learningRate).toBe(rate(report.step));
        expect(report.weightDecay).toBe(decay(report.step));
        expect(report.momentum).toBe(momentum(report.step));
      }
      expect(reports.slice(0, 3).map(({ learningRate }) => learningRate)).toEqual([0, 0.001, 0.001]);
      disposeState(state);
    });

    it("takes schedules of one's own, and hands them to optimizer and teacher", async () => {
      const seen: number[][] = [];
      const inner = adamW();
      const optimizer: Optimizer = {
        ...inner,
        update(input) {
          seen.push([input.step, input.learningRate, input.weightDecay]);
          return inner.update(input);
        },
      };
      const schedules = {
        learningRate: (step: number) => 0.01 * (step + 1),
        weightDecay: (step: number) => 0.5 - 0.1 * step,
        momentum: (step: number) => (step < 2 ? 1 : 0),
      };
      const teachers: unknown[][] = [];
      let last: TrainState | undefined;
      for await (const { state } of pretrain(method(), loader(), { steps: 3, optimizer, schedules })) {
        teachers.push(Array.from(state.teacher?.["backbone.cls_token"]?.dataSync() ?? []));
        last = state;
      }
      expect(seen).toEqual([0, 1, 2].map((step) => [step, 0.01 * (step + 1), 0.5 - 0.1 * step]));
      expect(teachers[1]).toEqual(teachers[0]); // momentum 1 stays
      expect(teachers[2]).toEqual(Array.from(last?.student["backbone.cls_token"]?.dataSync() ?? [])); // 0 follows
      expect(teachers[2]).not.toEqual(teachers[1]);
      disposeState(last as TrainState);
    });

    it("saves checkpoints every so many epochs and at the end", async () => {
      const saved: [number, number, number, number][] = [];
      const checkpoints: CheckpointStore = {
        async save(state, { epoch, step, totalSteps }) {
          saved.push([epoch, step, totalSteps, state.step]);
        },
      };
      const { state } = await runAll({ epochs: 5, checkpoints, checkpointEvery: 2 });
      expect(saved).toEqual([
        [2, 6, 15, 6],
        [4, 12, 15, 12],
        [5, 15, 15, 15],
      ]);
      disposeState(state);
    });

    it("gives the same parameters, to the bit, for the same seed, and others for another", async () => {
      const once = await runAll({ steps: 4, seed: 3 });
      const twice = await runAll({ steps: 4, seed: 3 });
      const other = await runAll({ steps: 4, seed: 4 });
      expect(bits(twice.state.student)).toEqual(bits(once.state.student));
      expect(bits(twice.state.teacher)).toEqual(bits(once.state.teacher));
      expect(bits(twice.state.optimizer)).toEqual(bits(once.state.optimizer));
      expect(bits(other.state.student)).not.toEqual(bits(once.state.student));
      for (const { state } of [once, twice, other]) disposeState(state);
    });

    it("stops at a loss that is no number, naming the step, the parts and the learning rate", async () => {
      let calls = 0;
      const loss: ReconstructionLoss = {
        name: "breaks at step 2",
        loss: (reconstruction, clean, mask) =>
          tf.tidy(() =>
            tf.mul(maskedL1().loss(reconstruction, clean, mask), calls++ < 2 ? 1 : Number.NaN),
          ) as tf.Scalar,
      };
      const broken = () =>
        method({ reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss } });
      const source = loader();
      const steps: number[] = [];
      let error: unknown;
      const schedules = { learningRate: () => 0.002 };
      const leaked = await leakedTensors(async () => {
        error = await failure(async () => {
          for await (const { step } of pretrain(broken(), source, { steps: 5, schedules })) steps.push(step);
        });
      });
      expect(steps).toEqual([0, 1]);
      expect(SitError.isInstance(error) && error.code).toBe("not-finite");
      expect((error as Error).message).toMatch(
        /^step 2: expected finite losses, got loss NaN, reconstruction NaN, contrast [\d.]+ at learning rate 0\.002$/,
      );
      expect((error as SitError).mend).toMatch(/learning rate/);
      expect(leaked).toBe(0);
      expect(source.closed()).toBe(1);
    });

    it("leaves no tensor and closes the loader where the loop is left, at any step", async () => {
      for (const stop of [0, 3]) {
        const source = loader();
        const leaked = await leakedTensors(async () => {
          for await (const { step } of pretrain(method(), source, { epochs: 2 })) if (step === stop) break;
        });
        expect(leaked).toBe(0);
        expect([source.opened(), source.closed()]).toEqual([1, 1]);
      }
    });

    it("leaves no tensor where a part throws in the middle of a step", async () => {
      const inner = gmml();
      let calls = 0;
      const corruption: Corruption = {
        name: "fails in the second step",
        corrupt(images, rng) {
          if (calls++ >= 2) throw new Error("no more");
          return inner.corrupt(images, rng);
        },
      };
      const source = loader();
      let error: unknown;
      const leaked = await leakedTensors(async () => {
        error = await failure(() => runAll({ steps: 4 }, source, method({ corruption })));
      });
      expect((error as Error).message).toBe("no more");
      expect(leaked).toBe(0);
      expect(source.closed()).toBe(1);
    });

    it("wants two views of each image", async () => {
      const single = memoryLoader({ images: 4, batchSize: 4, views: 1, size });
      const error = await failure(() => runAll({ steps: 1 }, single));
      expect((error as Error).message).toBe("loader: expected 2 views of each image, got 1");
    });

    it("has as many tensors after every one of 300 steps, and memory that does not grow", async () => {
      const source = memoryLoader({ images: 4, batchSize: 2, views: 2, size });
      const head = reconstructionHead({ width, patchSize, hidden: 256 });
      const wide = method({ reconstruction: { head, loss: maskedL1() } });
      const counts = new Set<number>();
      const bytes = new Set<number>();
      const resident: number[] = [];
      let state: TrainState | undefined;
      for await (const report of pretrain(wide, source, { steps: 300 })) {
        counts.add(tf.memory().numTensors);
        bytes.add(tf.memory().numBytes);
        resident.push(process.memoryUsage.rss());
        state = report.state;
      }
      expect(counts.size).toBe(1);
      expect(bytes.size).toBe(1);
      // A state is 1 MB, so that 200 kept ones would be 200 MB; the collector's slack measured about 10.
      const [stateBytes] = bytes;
      expect(stateBytes).toBeGreaterThan(1e6);
      const growth = Math.max(...resident.slice(280)) - Math.max(...resident.slice(80, 100));
      expect(growth / 2 ** 20).toBeLessThan(64);
      disposeState(state as TrainState);
    });
  });
}
