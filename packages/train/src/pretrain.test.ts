import { type Corruption, type ReconstructionLoss, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type MemoryLoader, memoryLoader } from "../test/memory-loader.js";
import { bits, failure, patchSize, runAll, savedAt, size, stateBits, tinySit, width } from "../test/runs.js";
import type { CheckpointProgress, CheckpointStore } from "./checkpoint.js";
import type { Method } from "./method.js";
import type { NotFiniteReport } from "./not-finite.js";
import { adamW, layerDecayRules, type Optimizer, weightDecayRules } from "./optimizer.js";
import { type PretrainOptions, pretrain } from "./pretrain.js";
import { cosineSchedule } from "./schedules.js";
import { disposeState, type TrainState } from "./step.js";

/** 3 steps an epoch. */
const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size });

for (const engine of await engines()) {
  describe(`pretrain on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("lasts as long as told, in each unit, and says where it is", async () => {
      for (const [duration, steps] of [
        [{ steps: 7 }, 7],
        [{ epochs: 2 }, 6],
        [{ images: 20 }, 5],
      ] as const) {
        const { reports, state } = await runAll(duration, loader());
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
      const kept = await runAll({ steps: 4 }, loader());
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
      const { reports, state } = await runAll({ steps: 20, ...options }, loader());
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
      for await (const { state } of pretrain(tinySit(), loader(), { steps: 3, optimizer, schedules })) {
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
      const { state } = await runAll({ epochs: 5, checkpoints, checkpointEvery: { epochs: 2 } }, loader());
      expect(saved).toEqual([
        [2, 6, 15, 6],
        [4, 12, 15, 12],
        [5, 15, 15, 15],
      ]);
      disposeState(state);
    });

    it("saves by steps and by the clock too, with where the sampler is and the means since the last", async () => {
      const saved: CheckpointProgress[] = [];
      const checkpoints: CheckpointStore = {
        async save(_, progress) {
          saved.push(progress);
        },
      };
      const { reports, state } = await runAll(
        { steps: 8, checkpoints, checkpointEvery: { steps: 5 } },
        loader(),
      );
      expect(saved.map(({ step, epoch, batch }) => [step, epoch, batch])).toEqual([
        [5, 1, 2],
        [8, 2, 2],
      ]);
      const losses = reports.map(({ metrics }) => metrics.loss as number);
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(saved[0]?.metrics.loss).toBeCloseTo(mean(losses.slice(0, 5)), 12);
      expect(saved[1]?.metrics.loss).toBeCloseTo(mean(losses.slice(5)), 12);
      expect(saved[0]).toMatchObject({ learningRate: reports[4]?.learningRate, skipped: 0, totalSteps: 8 });
      expect(saved[0]?.run).toMatchObject({ method: "sit", seed: 0, batchSize: 4, stepsPerEpoch: 3 });
      disposeState(state);
      saved.length = 0;
      const always = await runAll({ steps: 3, checkpoints, checkpointEvery: { minutes: 1e-9 } }, loader());
      expect(saved.map(({ step }) => step)).toEqual([1, 2, 3]);
      disposeState(always.state);
    });

    it("tells the norm of all gradients, before clipping", async () => {
      const free = await runAll({ steps: 2, optimizer: adamW() }, loader());
      const clipped = await runAll(
        { steps: 2, optimizer: adamW({ clipping: { perParameter: 1e-3 } }) },
        loader(),
      );
      expect(free.reports[0]?.gradientNorm).toBeGreaterThan(0.01);
      expect(clipped.reports[0]?.gradientNorm).toBe(free.reports[0]?.gradientNorm);
      disposeState(free.state);
      disposeState(clipped.state);
    });

    it("leaves out as many batches as told, whose loss is no number, and goes on as before them", async () => {
      let calls = 0;
      const loss: ReconstructionLoss = {
        name: "breaks at steps 2 and 3",
        loss: (reconstruction, clean, mask) => {
          const factor = [2, 3].includes(calls++) ? Number.POSITIVE_INFINITY : 1;
          return tf.tidy(() => tf.mul(maskedL1().loss(reconstruction, clean, mask), factor)) as tf.Scalar;
        },
      };
      const broken = tinySit({
        reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss },
      });
      const told: NotFiniteReport[] = [];
      const counts: number[] = [];
      const onNotFinite = (report: NotFiniteReport) => told.push(report);
      let before: unknown;
      let state: TrainState | undefined;
      const states: unknown[] = [];
      const options = { steps: 6, skipNotFinite: 2, onNotFinite };
      for await (const report of pretrain(broken, loader(), options)) {
        counts.push(tf.memory().numTensors);
        const { step, skipped } = report.state;
        states.push([step, skipped, report.skipped]);
        if (report.step === 1) before = bits(report.state.student);
        if (report.step === 3) expect(bits(report.state.student)).toEqual(before);
        if (report.step === 4) expect(bits(report.state.student)).not.toEqual(before);
        state = report.state;
      }
      expect(states).toEqual([
        [1, 0, false],
        [2, 0, false],
        [3, 1, true],
        [4, 2, true],
        [5, 2, false],
        [6, 2, false],
      ]);
      expect(new Set(counts).size).toBe(1);
      expect(told.map(({ step, skipped, skippedSoFar }) => [step, skipped, skippedSoFar])).toEqual([
        [2, true, 1],
        [3, true, 2],
      ]);
      expect(told[0]?.images).toEqual(["8", "9", "10", "11"]);
      expect(told[0]?.metrics.loss).toBe(Number.POSITIVE_INFINITY);
      disposeState(state as TrainState);

      calls = 0;
      const error = await failure(() => runAll({ steps: 6, skipNotFinite: 1 }, loader(), broken));
      expect(SitError.isInstance(error) && error.code).toBe("not-finite");
      expect((error as Error).message).toMatch(
        /^step 3 .* after 1 batches skipped, as many as skipNotFinite/,
      );
      expect(((error as Error).cause as NotFiniteReport).step).toBe(3);
    });

    it("goes on from every step, the middle of an epoch too, as if it had never stopped, to the bit", async () => {
      const options = { steps: 7, seed: 5, learningRate: 0.05 };
      const whole = await runAll(options, loader());
      for (let stop = 1; stop < 7; stop++) {
        const resume = await savedAt(stop, options, loader());
        const { reports, state } = await runAll({ ...options, resume }, loader());
        expect(reports.map(({ metrics }) => metrics)).toEqual(
          whole.reports.slice(stop).map(({ metrics }) => metrics),
        );
        expect(stateBits(state)).toEqual(stateBits(whole.state));
        disposeState(state);
      }
      disposeState(whole.state);
    });

    it("refuses to go on with other settings, naming every difference, and leaves no tensor", async () => {
      const resume = await savedAt(2, { steps: 4 }, loader());
      const other = memoryLoader({ images: 12, batchSize: 2, views: 2, size });
      const changed = { steps: 4, seed: 1, learningRate: 0.5, optimizer: adamW({ betas: [0.9, 0.95] }) };
      let error: unknown;
      const { student, teacher = {}, optimizer } = resume.state;
      const taken = [student, teacher, optimizer].flatMap(Object.keys).length;
      const before = tf.memory().numTensors - taken;
      error = await failure(() => runAll({ ...changed, resume }, other));
      expect(tf.memory().numTensors).toBe(before);
      expect(SitError.isInstance(error) && error.code).toBe("bad-option");
      expect((error as Error).message).toMatch(
        /^resume: expected the settings of the saved run: optimizer\.betas \[0\.9,0\.999\] \(now \[0\.9,0\.95\]\); optimizer\.clipping \{"perParameter":3\} \(now "none"\); seed 0 \(now 1\); batchSize 4 \(now 2\); stepsPerEpoch 3 \(now 6\); learningRate [\d.e-]+ at step \d \(now [\d.e-]+\)$/,
      );
      error = await failure(() => runAll({ steps: 4, initial: resume.state, resume }, loader()));
      expect((error as Error).message).toMatch(/^initial: expected no resume beside it/);
    });

    it("refuses to go on where a parameter is treated otherwise, or the network is another", async () => {
      const refusal = async (options: PretrainOptions, of: Method = tinySit()) => {
        const resume = await savedAt(2, { steps: 4 }, loader());
        const error = await failure(() => runAll({ ...options, resume }, loader(), of));
        return (error as Error).message;
      };
      expect(await refusal({ steps: 4, adamW: { rules: weightDecayRules } })).toBe(
        "resume: expected the settings of the saved run: parameter backbone.cls_token " +
          '{"weightDecay":1,"learningRate":1} (now {"weightDecay":0,"learningRate":1}), and 1 other parameters',
      );
      const slower = layerDecayRules({ depth: 1, decay: 0.5, prefix: "backbone." });
      expect(await refusal({ steps: 4, adamW: { rules: slower } })).toMatch(
        /parameter backbone\.blocks\.0\.\S+ .*"learningRate":1\} \(now .*"learningRate":0\.5\}\), and \d+ other/,
      );
      const frozen = {
        ...tinySit(),
        frozenSteps: (name: string) => (/patch_embed/.test(name) ? Number.POSITIVE_INFINITY : 0),
      };
      expect(await refusal({ steps: 4 }, frozen)).toMatch(
        /parameter backbone\.patch_embed\S+ .*\(now .*"frozenSteps":"all"\}\), and 1 other parameters$/,
      );
      const shape = { imageSize: size, patchSize, width, depth: 1, heads: 2 };
      const backbone = visionTransformer({ ...shape, dropPath: 0.3 });
      expect(await refusal({ steps: 4 }, tinySit({ backbone }))).toBe(
        "resume: expected the settings of the saved run: backbone.dropPath 0.1 (now 0.3)",
      );
    });

    it("goes on from records of earlier versions, which say less", async () => {
      const saved = await savedAt(2, { steps: 4 }, loader());
      const { methodSettings, backbone, loader: _, parameters, ...run } = saved.run;
      const { state } = await runAll({ steps: 4, resume: { ...saved, run } }, loader());
      expect(state.step).toBe(4);
      disposeState(state);
    });

    it("tells each step before it saves it", async () => {
      const told: string[] = [];
      const checkpoints: CheckpointStore = {
        async save(state) {
          told.push(`saved ${state.step}`);
        },
      };
      const { state } = await runAll(
        {
          steps: 4,
          checkpoints,
          checkpointEvery: { steps: 2 },
          async onStep({ step, state: current, metrics }) {
            await new Promise((resolve) => setTimeout(resolve, 1));
            expect(current.step).toBe(step + 1);
            expect(metrics.loss).toBeGreaterThan(0);
            told.push(`step ${step}`);
          },
        },
        loader(),
      );
      expect(told).toEqual(["step 0", "step 1", "saved 2", "step 2", "step 3", "saved 4"]);
      disposeState(state);
      const onStep = () => {
        throw new Error("no log");
      };
      const leaked = await leakedTensors(async () => {
        const error = await failure(() => runAll({ steps: 4, onStep }, loader()));
        expect((error as Error).message).toBe("no log");
      });
      expect(leaked).toBe(0);
    });

    it("ends after the step in which it is stopped: saved, with the reason given, and no tensor left", async () => {
      const saved: number[] = [];
      const checkpoints: CheckpointStore = {
        async save(state) {
          saved.push(state.step);
        },
      };
      const stop = new AbortController();
      const source = loader();
      const steps: number[] = [];
      let error: unknown;
      const leaked = await leakedTensors(async () => {
        error = await failure(async () => {
          const options = { epochs: 9, checkpoints, signal: stop.signal };
          for await (const { step } of pretrain(tinySit(), source, options)) {
            steps.push(step);
            if (step === 3) stop.abort(new Error("enough"));
          }
        });
      });
      expect((error as Error).message).toBe("enough");
      expect(steps).toEqual([0, 1, 2, 3]);
      expect(saved).toEqual([4]);
      expect(leaked).toBe(0);
      expect(source.closed()).toBe(1);
    });

    it("saves what is done where it is stopped while it waits for images, or the loader fails", async () => {
      const saved: number[] = [];
      const checkpoints: CheckpointStore = {
        async save(state) {
          saved.push(state.step);
        },
      };
      const stop = new AbortController();
      const inner = loader();
      const slow: MemoryLoader = {
        ...inner,
        async *range(start, end, options) {
          for await (const batch of inner.range(start, end)) {
            if (batch.step === 2) {
              setTimeout(() => stop.abort(new Error("enough")), 5);
              // Never comes; a loader that knows the signal gives up.
              await new Promise((_, reject) =>
                options?.signal?.addEventListener("abort", () => reject(new Error())),
              );
            }
            yield batch;
          }
        },
      };
      const failing: MemoryLoader = {
        ...inner,
        async *range(start, end) {
          for await (const batch of inner.range(start, end)) {
            if (batch.step === 3) throw new SitError("bad-file", "gone.jpg: cannot be read");
            yield batch;
          }
        },
      };
      let error: unknown;
      const leaked = await leakedTensors(async () => {
        error = await failure(() => runAll({ steps: 5, checkpoints, signal: stop.signal }, slow));
      });
      expect((error as Error).message).toBe("enough");
      expect(saved).toEqual([2]);
      expect(leaked).toBe(0);
      error = await failure(() => runAll({ steps: 5, checkpoints }, failing));
      expect((error as Error).message).toBe("gone.jpg: cannot be read");
      expect(saved).toEqual([2, 3]);
    });

    it("gives the same parameters, to the bit, for the same seed, and others for another", async () => {
      const once = await runAll({ steps: 4, seed: 3 }, loader());
      const twice = await runAll({ steps: 4, seed: 3 }, loader());
      const other = await runAll({ steps: 4, seed: 4 }, loader());
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
        tinySit({ reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss } });
      const source = loader();
      const steps: number[] = [];
      let error: unknown;
      const schedules = { learningRate: () => 0.002 };
      const saved: number[] = [];
      const checkpoints: CheckpointStore = {
        async save(state) {
          saved.push(state.step);
        },
      };
      const leaked = await leakedTensors(async () => {
        error = await failure(async () => {
          const options = { steps: 5, schedules, checkpoints };
          for await (const { step } of pretrain(broken(), source, options)) steps.push(step);
        });
      });
      expect(saved, "as before the batch").toEqual([2]);
      expect(steps).toEqual([0, 1]);
      expect(SitError.isInstance(error) && error.code).toBe("not-finite");
      expect((error as Error).message).toMatch(
        /^step 2 \(epoch 0\): expected a finite loss and gradient, got loss NaN, reconstruction NaN, contrast [\d.]+ at learning rate 0\.002; gradient norms not finite in \d+ of \d+ parameters \(.* NaN, .*\).*; images 8, 9, 10, 11$/,
      );
      expect((error as SitError).mend).toMatch(/learning rate/);
      expect(leaked).toBe(0);
      expect(source.closed()).toBe(1);
    });

    it("leaves no tensor and closes the loader where the loop is left, at any step", async () => {
      for (const stop of [0, 3]) {
        const source = loader();
        const leaked = await leakedTensors(async () => {
          for await (const { step } of pretrain(tinySit(), source, { epochs: 2 })) if (step === stop) break;
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
        error = await failure(() => runAll({ steps: 4 }, source, tinySit({ corruption })));
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
      const wide = tinySit({ reconstruction: { head, loss: maskedL1() } });
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
