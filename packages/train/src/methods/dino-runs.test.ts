import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dinoViews } from "@sitjs/augment";
import { disposeParams, type Params, param, randomStream } from "@sitjs/core";
import { batches } from "@sitjs/data";
import { dinoLoss, teacherTemperatures } from "@sitjs/losses";
import { dinoHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { type EngineUnderTest, engines } from "../../../../fixtures/engines.js";
import { greyImages } from "../../test/real-images.js";
import { runAll, stateBits } from "../../test/runs.js";
import { crops, loader, tinyDino, vit } from "../../test/tiny-dino.js";
import { checkpointFolder, loadCheckpoint } from "../node/index.js";
import { adamW } from "../optimizer.js";
import { pretrain } from "../pretrain.js";
import { cosineSchedule } from "../schedules.js";
import { disposeState, initState, type TrainState, trainStep } from "../step.js";
import { dino } from "./dino.js";

for (const engine of await engines()) {
  describe(`runs of dino() on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("leaves prototypes as they are in the first epoch, without decay; then their first step is AdamW's first", async () => {
      const schedules = { learningRate: () => 0.01, weightDecay: () => 0.5 };
      const options = { steps: 5, schedules, optimizer: adamW() };
      const seen: Float32Array[] = [];
      const centers: string[] = [];
      let last: TrainState | undefined;
      for await (const { state } of pretrain(tinyDino(), loader(), options)) {
        seen.push(param(state.student, "head.last_layer.weight_v").dataSync().slice() as Float32Array);
        centers.push(
          param(state.teacher as Params, "center")
            .dataSync()
            .join(),
        );
        last = state;
      }
      disposeState(last as TrainState);
      const [first, , third, fourth, fifth] = seen as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      expect(third).toEqual(first);
      const moves = fourth.map((value, i) => Math.abs(value - (third[i] as number) * (1 - 0.01 * 0.5)));
      // Adam's first step has the learning rate's size, whatever the gradient.
      for (const move of moves) expect(move).toBeCloseTo(0.01, 4);
      expect(fifth).not.toEqual(fourth);
      expect(new Set(centers).size).toBe(5);
    });

    it("goes on from files to the bit: in the middle of the frozen epoch, at its end, and later", async () => {
      const options = { steps: 7, seed: 5, learningRate: 0.05 };
      const method = tinyDino({ backbone: vit(0.2, 2) });
      const whole = await runAll(options, loader(), method);
      const folder = await mkdtemp(join(tmpdir(), "sitjs-dino-"));
      try {
        const checkpoints = checkpointFolder(folder, { keep: 10 });
        const cut = await runAll(
          { ...options, checkpoints, checkpointEvery: { steps: 1 } },
          loader(),
          method,
        );
        disposeState(cut.state);
        for (const step of [1, 3, 5]) {
          const path = join(folder, "checkpoints", `step-${String(step).padStart(9, "0")}`);
          const resume = await loadCheckpoint(path);
          expect(resume.state.step).toBe(step);
          expect(
            param(resume.state.teacher as Params, "center")
              .dataSync()
              .some((value) => value !== 0),
          ).toBe(true);
          const { reports, state } = await runAll({ ...options, resume }, loader(), method);
          expect(reports.map(({ metrics }) => metrics)).toEqual(
            whole.reports.slice(step).map(({ metrics }) => metrics),
          );
          expect(stateBits(state)).toEqual(stateBits(whole.state));
          disposeState(state);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
      disposeState(whole.state);
    });

    it("leaves no tensor behind in a step", () => {
      const views = crops();
      const method = tinyDino({ backbone: vit(0.2, 2) });
      let state = initState(method, adamW(), randomStream(0));
      expect(Object.keys(state.teacher as Params).sort()).toEqual(
        [...Object.keys(state.student), "center"].sort(),
      );
      const counts = [0, 1, 2].map((step) => {
        const settings = { learningRate: 1e-3, weightDecay: 0.04, momentum: 0.99 };
        const result = trainStep(method, adamW(), state, { views, rng: randomStream(step) }, settings);
        disposeParams(result.metrics);
        state = result.state;
        return tf.memory().numTensors;
      });
      expect(new Set(counts).size).toBe(1);
      disposeState(state);
      tf.dispose(views);
    });
  });
}

it("trains as the paper does", async () => {
  const { reports, state } = await runAll({ steps: 20 }, loader(), tinyDino());
  disposeState(state);
  const rate = cosineSchedule({ base: (5e-4 * 4) / 256, final: 1e-6, steps: 20, warmupSteps: 2 });
  const decay = cosineSchedule({ base: 0.04, final: 0.4, steps: 20 });
  const momentum = cosineSchedule({ base: 0.996, final: 1, steps: 20 });
  for (const report of reports) {
    expect(report.learningRate).toBe(rate(report.step));
    expect(report.weightDecay).toBe(decay(report.step));
    expect(report.momentum).toBe(momentum(report.step));
  }
  expect(tinyDino().recipe?.adamW).toEqual({ clipping: { perParameter: 3 } });
});

// The slow one: on the fastest engine alone.
const fastest = (await engines()).at(-1) as EngineUnderTest;
describe(`dino() learns on ${fastest.name}`, () => {
  beforeAll(() => fastest.use());

  it("real images of 28 pixels, small crops of 12, patches of 4", async () => {
    const { dataset, statistics } = await greyImages(512);
    const [side, prototypes] = [28, 64];
    const views = dinoViews({ size: side, localSize: 12, localCrops: 2, preset: "small", ...statistics });
    const method = dino({
      backbone: visionTransformer({
        imageSize: side,
        patchSize: 4,
        channels: 1,
        width: 32,
        depth: 1,
        heads: 2,
      }),
      head: dinoHead({ width: 32, hidden: 64, bottleneck: 16, output: prototypes, initialization: "xavier" }),
      loss: dinoLoss(),
      teacherTemperature: teacherTemperatures(),
      localCrops: 2,
    });
    const source = batches(dataset, { views, batchSize: 16, seed: 1, workers: 0 });
    const schedules = { learningRate: () => 5e-4, momentum: () => 0.99 };
    const losses: number[] = [];
    let last: TrainState | undefined;
    for await (const { metrics, state } of pretrain(method, source, { steps: 60, schedules })) {
      losses.push(metrics.loss as number);
      last = state;
    }
    disposeState(last as TrainState);
    const mean = (from: number) => losses.slice(from, from + 10).reduce((sum, loss) => sum + loss, 0) / 10;
    // While the centre is on its way from 0, all images get the same, easy answer: what is learnt shows after that.
    const [start, settled, end] = [mean(0), mean(20), mean(50)];
    expect(settled).toBeGreaterThan(start);
    expect(end, `from ${settled} to ${end}`).toBeLessThan(0.85 * settled);
    // Better than no opinion.
    expect(end).toBeLessThan(0.95 * Math.log(prototypes));
  });
});
