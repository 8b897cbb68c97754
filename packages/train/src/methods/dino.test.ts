import {
  type Backbone,
  type DistillationLoss,
  type Params,
  param,
  randomStream,
  SitError,
} from "@sitjs/core";
import { dinoLoss, teacherTemperatures } from "@sitjs/losses";
import { dinoHead, perceptronHead } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { expectGradient, expectOutput } from "../../../../fixtures/expect.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { toTensor, toTensors } from "../../../../fixtures/tensors.js";
import { firstPosition } from "../../test/first-position.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { expectGradients } from "../../test/method-values.js";
import { bits, failure, runAll } from "../../test/runs.js";
import { crops, head, localCrops, tinyDino, vit, width } from "../../test/tiny-dino.js";
import { adamW } from "../optimizer.js";
import { computeStep, initState } from "../step.js";
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
      temperatures.length = 0; // those of the method's settings
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
  });
}

describe("dino, bad input", () => {
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
