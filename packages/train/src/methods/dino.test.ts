import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dinoViews } from "@sitjs/augment";
import {
  type Backbone,
  type DistillationLoss,
  disposeParams,
  type Params,
  param,
  randomStream,
  SitError,
} from "@sitjs/core";
import { batches } from "@sitjs/data";
import { dinoLoss, teacherTemperatures } from "@sitjs/losses";
import { dinoHead, perceptronHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { type EngineUnderTest, engines } from "../../../../fixtures/engines.js";
import { expectGradient, expectOutput } from "../../../../fixtures/expect.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { toTensor, toTensors } from "../../../../fixtures/tensors.js";
import { firstPosition } from "../../test/first-position.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { expectGradients } from "../../test/method-checks.js";
import { greyImages } from "../../test/real-images.js";
import { bits, failure, runAll, stateBits } from "../../test/runs.js";
import { checkpointFolder, loadCheckpoint } from "../node/index.js";
import { adamW } from "../optimizer.js";
import { pretrain } from "../pretrain.js";
import { cosineSchedule } from "../schedules.js";
import { computeStep, disposeState, initState, type TrainState, trainStep } from "../step.js";
import { type DinoOptions, dino } from "./dino.js";

/** Looks features up: a picture's first pixel is the row of its parameter `features` [rows, width]. */
function lookUp(rows: number, width: number): Backbone {
  return {
    name: "look-up",
    width,
    depth: 1,
    patchSize: 1,
    channels: 1,
    imageSize: 2,
    init: () => ({ features: tf.zeros([rows, width]) }),
    apply(params, images) {
      const pixel = tf.cast(tf.reshape(tf.slice4d(images, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1]), "int32");
      const chosen = tf.matMul(
        tf.cast(tf.oneHot(pixel, rows), "float32"),
        param<tf.Tensor2D>(params, "features"),
      );
      return { tokens: tf.reshape(chosen, [-1, 1, width]), blocks: [], attention: [] };
    },
  };
}

/** Crop after crop of as many images: rows 0, 1, 2, … of what is looked up; large crops of 2 x 2, then single pixels. */
function numberedViews(batch: number, large: number, small: number): tf.Tensor4D[] {
  return Array.from({ length: large + small }, (_, view) => {
    const size = view < large ? 2 : 1;
    return tf.tile(tf.reshape(tf.range(view * batch, (view + 1) * batch), [batch, 1, 1, 1]) as tf.Tensor4D, [
      1,
      size,
      size,
      1,
    ]);
  });
}

const identity = {
  name: "identity",
  init: () => ({}),
  apply: (_: Params, x: tf.Tensor2D) => ({ output: tf.clone(x), buffers: {} }),
};

const [width, patchSize, imageSize, localSize, localCrops] = [16, 4, 16, 8, 3];
const vit = (dropPath: number, depth = 1) =>
  visionTransformer({ imageSize, patchSize, width, depth, heads: 2, dropPath, initialization: "xavier" });
const head = dinoHead({ width, hidden: 24, bottleneck: 8, output: 12, initialization: "xavier" });

function tinyDino(changes: Partial<DinoOptions> = {}) {
  return dino({
    backbone: vit(0),
    head,
    loss: dinoLoss(),
    teacherTemperature: teacherTemperatures({ start: 0.1, final: 0.3, warmupEpochs: 3 }),
    localCrops,
    ...changes,
  });
}

/** Random pixels: [4, size, size, 3] each, two large and then the small ones. */
const crops = () =>
  Array.from({ length: 2 + localCrops }, (_, view) => {
    const size = view < 2 ? imageSize : localSize;
    const values = randomStream(0, "crops", view).fillNormal(new Float32Array(4 * size * size * 3));
    return tf.tensor4d(values, [4, size, size, 3]);
  });

/** 3 steps an epoch, crops of both sizes. */
const loader = () =>
  memoryLoader({
    images: 12,
    batchSize: 4,
    views: 2 + localCrops,
    size: [imageSize, imageSize, ...Array<number>(localCrops).fill(localSize)],
  });

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`DINO on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("two steps: losses, gradients, the centre, temperatures by epoch (fixture dino)", async () => {
      const fixture = loadFixture("dino");
      const config = fixture.json.config as Record<string, number>;
      const temperatures: number[] = [];
      const schedule = teacherTemperatures({
        start: config.warmup_teacher_temp as number,
        final: config.teacher_temp as number,
        warmupEpochs: config.warmup_teacher_temp_epochs as number,
      });
      const [batch, features] = [config.batch as number, config.out_dim as number];
      const method = dino({
        backbone: lookUp(4 * batch, features),
        head: identity,
        loss: dinoLoss({ centerMomentum: config.center_momentum as number }),
        teacherTemperature: (epoch) => {
          temperatures.push(schedule(epoch));
          return schedule(epoch);
        },
        localCrops: config.local_crops as number,
      });
      const views = numberedViews(batch, config.global_crops as number, config.local_crops as number);
      const first = initState(method, adamW(), randomStream(0));
      expect(Object.keys(first.teacher as Params).sort()).toEqual(["backbone.features", "center"]);
      let center = param(first.teacher as Params, "center");
      expect(center.shape).toEqual([1, features]);
      expect(center.dataSync().every((value) => value === 0)).toBe(true);
      for (const epoch of config.epoch_of_step as unknown as number[]) {
        const of = (network: string) => toTensor(fixture.entry(`in/step${epoch}/${network}`));
        const teacher = tf.concat([of("teacher"), tf.zeros([2 * batch, features])]);
        const state = {
          ...first,
          student: { "backbone.features": of("student") },
          teacher: { "backbone.features": teacher, center },
          step: epoch,
        };
        const input = { views, rng: randomStream(0), totalSteps: 6, stepsPerEpoch: 1 };
        const { metrics, gradients, teacherBuffers } = computeStep(method, state, input);
        await expectOutput(metrics.loss as tf.Tensor, fixture, `out/step${epoch}/loss`);
        await expectGradient(param(gradients, "backbone.features"), fixture, `grad/step${epoch}/in/student`);
        expect(Object.keys(teacherBuffers)).toEqual(["center"]);
        center = param(teacherBuffers, "center");
        await expectOutput(center, fixture, `out/step${epoch}/center_after`);
      }
      const expected = fixture.json.teacher_temp_schedule as number[];
      expect(temperatures).toHaveLength(2);
      temperatures.forEach((temperature, i) => {
        expect(temperature).toBeCloseTo(expected[i] as number, 12);
      });
    });

    it("the head's logits and gradients, prototype lengths given and not trained (fixture dino)", async () => {
      const fixture = loadFixture("dino");
      const features = toTensor(fixture.entry("in/h")); // 5 crops of one image
      const cotangent = toTensor(fixture.entry("in/cot"));
      let logits: tf.Tensor | undefined;
      const products: DistillationLoss = {
        name: "products",
        globalCrops: 1,
        loss(student) {
          logits = tf.keep(tf.clone(student));
          return tf.sum(tf.mul(student, cotangent));
        },
        nextCenter: (_, center) => tf.clone(center),
      };
      const method = dino({
        backbone: lookUp(5, 32),
        head: dinoHead({ width: 32, hidden: 48, bottleneck: 16, output: 24 }),
        loss: products,
        teacherTemperature: () => 0.04,
        localCrops: 4,
        freezeLastLayerEpochs: 0,
      });
      const parameters = Object.entries(toTensors(fixture.parameters()));
      const student = {
        "backbone.features": features,
        ...Object.fromEntries(parameters.map(([name, tensor]) => [`head.${name}`, tensor])),
      };
      const state = { student, teacher: method.initTeacher(student), optimizer: {}, step: 0, skipped: 0 };
      const input = { views: numberedViews(1, 1, 4), rng: randomStream(0) };
      const { metrics, gradients } = computeStep(method, state, input);
      await expectOutput(logits as tf.Tensor, fixture, "out/head");
      await expectOutput(metrics.loss as tf.Tensor, fixture, "out/dot");
      await expectGradient(param(gradients, "backbone.features"), fixture, "grad_head/in/h");
      const names = Object.keys(fixture.under("grad_head/")).filter((name) => name !== "in/h");
      expect(names).toHaveLength(7);
      for (const name of names) {
        await expectGradient(param(gradients, `head.${name}`), fixture, `grad_head/${name}`);
      }
      const lengths = param(gradients, "head.last_layer.weight_g").dataSync();
      expect(lengths.every((value) => value === 0)).toBe(true);
    });
  });
}

for (const engine of await engines()) {
  describe(`dino() on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("compares every large crop of the teacher with all other crops of the student, each passed by itself", () => {
      tf.tidy(() => {
        const method = tinyDino();
        const student = method.init(randomStream(1));
        const teacher = {
          ...method.initTeacher(method.init(randomStream(2))),
          center: tf.range(0, 1.2, 0.1).reshape([1, 12]),
        };
        const views = crops();
        const logits = (params: Params, view: tf.Tensor4D): number[][] => {
          const under = (prefix: string) =>
            Object.fromEntries(
              Object.entries(params)
                .filter(([name]) => name.startsWith(prefix))
                .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
            );
          const { tokens } = method.backbone.apply(under("backbone."), view, { train: false });
          const token = tf.reshape(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [4, width]) as tf.Tensor2D;
          return head.apply(under("head."), token, { train: false }).output.arraySync();
        };
        const logSoftmax = (row: number[]) => {
          const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
          return row.map((value) => value - total);
        };
        const center = teacher.center.dataSync();
        const targets = views
          .slice(0, 2)
          .map((view) =>
            logits(teacher, view).map((row) =>
              logSoftmax(row.map((v, k) => (v - (center[k] as number)) / 0.2)).map(Math.exp),
            ),
          );
        const guesses = views.map((view) =>
          logits(student, view).map((row) => logSoftmax(row.map((v) => v / 0.1))),
        );
        const pairs = targets.flatMap((target, t) =>
          guesses.flatMap((guess, s) =>
            s === t
              ? []
              : target.map(
                  (row, image) => -row.reduce((sum, p, k) => sum + p * (guess[image]?.[k] as number), 0),
                ),
          ),
        );
        expect(pairs).toHaveLength((2 * (2 + localCrops) - 2) * 4);
        const expected = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;

        const position = { ...firstPosition, step: 1, totalSteps: 3, epoch: 1 }; // 0.1, 0.2, 0.3
        const lossOf = (of: tf.Tensor4D[]): number =>
          method
            .prepare({ views: of, student, teacher, rng: randomStream(0), position })
            .loss(student)
            .loss.dataSync()[0] as number;
        expect(lossOf(views)).toBeCloseTo(expected, 4);

        // Neither the order of the large crops nor that of the small ones makes a difference, but which is which does.
        const order = (...at: number[]) => lossOf(at.map((i) => views[i] as tf.Tensor4D));
        expect(order(1, 0, 2, 3, 4)).toBeCloseTo(expected, 4);
        expect(order(0, 1, 4, 2, 3)).toBeCloseTo(expected, 4);
        expect(Math.abs(order(0, 0, 2, 3, 4) - expected)).toBeGreaterThan(1e-3);

        // The teacher's mean logits move the centre.
        const both = views.slice(0, 2).flatMap((view) => logits(teacher, view));
        const prepared = method.prepare({ views, student, teacher, rng: randomStream(0), position });
        param(prepared.teacherBuffers, "center")
          .dataSync()
          .forEach((value, k) => {
            const mean = both.reduce((sum, row) => sum + (row[k] as number), 0) / both.length;
            expect(value).toBeCloseTo(0.9 * (center[k] as number) + 0.1 * mean, 5);
          });
      });
    });

    it("gives log k where nobody has an opinion", () => {
      tf.tidy(() => {
        const method = tinyDino({ head: perceptronHead({ width, output: 12 }) });
        const drawn = method.init(randomStream(1));
        const student = Object.fromEntries(
          Object.entries(drawn).map(([name, tensor]) => [
            name,
            name.startsWith("head.") ? tf.zerosLike(tensor) : tensor,
          ]),
        );
        const teacher = method.initTeacher(student);
        const input = { views: crops(), student, teacher, rng: randomStream(0), position: firstPosition };
        expect(method.prepare(input).loss(student).loss.dataSync()[0]).toBeCloseTo(Math.log(12), 5);
      });
    });

    it("agrees with central differences of the whole loss", async () => {
      const method = tinyDino({ backbone: vit(0.3, 2), loss: dinoLoss(), teacherTemperature: () => 0.5 });
      const views = crops();
      const student = method.init(randomStream(4));
      const teacher = method.initTeacher(student);
      const names = [
        "backbone.cls_token",
        "backbone.pos_embed",
        "backbone.patch_embed.proj.weight",
        "backbone.blocks.0.attn.qkv.weight",
        "backbone.blocks.1.mlp.fc1.bias",
        "backbone.norm.weight",
        "head.mlp.0.weight",
        "head.mlp.4.bias",
        "head.last_layer.weight_v",
      ];
      await expectGradients(method, { views, teacher }, names);
      tf.dispose([views, { ...student }, { ...teacher }]);
    });

    it("has no gradient for the teacher, and no drop path in it", () => {
      tf.tidy(() => {
        const views = crops();
        const method = tinyDino({ backbone: vit(0.9, 2) });
        const student = method.init(randomStream(1));
        const shared = method.initTeacher(student) as Params;
        expect(shared["backbone.cls_token"]).toBe(student["backbone.cls_token"]);
        const copied = Object.fromEntries(
          Object.entries(shared).map(([name, x]) => [name, tf.tensor(x.dataSync(), x.shape)]),
        );
        const at = (teacher: Params, seed: number) => {
          const state = { student, teacher, optimizer: {}, step: 0, skipped: 0 };
          return computeStep(method, state, { views, rng: randomStream(seed) });
        };
        const [one, other] = [at(shared, 0), at(copied, 0)];
        expect(bits(one.gradients)).toEqual(bits(other.gradients));
        expect(Object.keys(one.gradients).sort()).toEqual(Object.keys(student).sort());
        const redrawn = at(shared, 1);
        expect(redrawn.metrics.loss?.dataSync()[0]).not.toBe(one.metrics.loss?.dataSync()[0]);
        expect(bits(redrawn.teacherBuffers)).toEqual(bits(one.teacherBuffers));
      });
    });

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

    it("is told by its option for how long", () => {
      const run = { totalSteps: 100, stepsPerEpoch: 10 };
      const frozen = (options: Partial<DinoOptions>) =>
        [
          "head.last_layer.weight_v",
          "head.last_layer.weight_g",
          "head.mlp.0.weight",
          "backbone.cls_token",
        ].map((name) => tinyDino(options).frozenSteps?.(name, run));
      expect(frozen({})).toEqual([10, Number.POSITIVE_INFINITY, 0, 0]);
      expect(frozen({ freezeLastLayerEpochs: 3, freezePrototypeLengths: false })).toEqual([30, 30, 0, 0]);
      expect(frozen({ freezeLastLayerEpochs: 0 })).toEqual([0, Number.POSITIVE_INFINITY, 0, 0]);
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

describe("dino, recipe and bad input", () => {
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

  it.each<[RegExp, Partial<DinoOptions>]>([
    [/^localCrops: expected a whole number, at least 0, got -1/, { localCrops: -1 }],
    [/^freezeLastLayerEpochs: expected a whole number, at least 0, got 0.5/, { freezeLastLayerEpochs: 0.5 }],
    [
      /^localCrops: expected at least 1 beside one large crop/,
      { loss: dinoLoss({ globalCrops: 1 }), localCrops: 0 },
    ],
  ])("%s", (message, options) => {
    expect(() => tinyDino(options)).toThrow(message);
  });

  it("names what a step lacks", async () => {
    const same = memoryLoader({ images: 12, batchSize: 4, views: 5, size: [16, 8, 8, 8, 8] });
    const sizes = await failure(() => runAll({ steps: 1 }, same, tinyDino()));
    expect(SitError.isInstance(sizes) && sizes.code).toBe("bad-shape");
    expect((sizes as Error).message).toMatch(
      /^views: expected large crops of one size, got \[4, 16, 16, 3\] and \[4, 8/,
    );
    tf.tidy(() => {
      const method = tinyDino();
      const student = method.init(randomStream(0));
      const input = { views: crops(), student, rng: randomStream(0), position: firstPosition };
      for (const teacher of [undefined, student]) {
        expect(() => method.prepare({ ...input, teacher })).toThrow(
          /^dino: expected a teacher's parameters with a center/,
        );
      }
    });
  });
});
