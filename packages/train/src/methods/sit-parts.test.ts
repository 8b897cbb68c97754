// What sit() does with its options; sit.test.ts compares it with the reference implementation.
import { disposeParams, isBuffer, type Params, pick, randomStream, SitError, tidy } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { crossViewNtXent, maskedL1, ntXent } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { firstPosition } from "../../test/first-position.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { adamW } from "../optimizer.js";
import { disposeState, initState, lossAndGradients, trainStep } from "../step.js";
import { type SitOptions, sit } from "./sit.js";

const [size, patchSize, width] = [16, 4, 16];
const backbone = visionTransformer({ imageSize: size, patchSize, width, depth: 2, heads: 2 });
const corruption = gmml();
const reconstruction = {
  head: reconstructionHead({ width, patchSize, hidden: 24 }),
  loss: maskedL1(),
};
const contrast = { head: projectionHead({ width, hidden: 24, output: 8 }), loss: crossViewNtXent() };
const parts = { backbone, corruption, reconstruction, contrast };

async function twoViews(): Promise<tf.Tensor4D[]> {
  const loader = memoryLoader({ images: 4, batchSize: 4, views: 2, size });
  for await (const { views } of loader.range(0, 1)) {
    return views.map(({ data, shape }) => tf.tensor4d(data, [...shape]));
  }
  return [];
}

const number = (tensor: tf.Tensor | undefined): number => tensor?.dataSync()[0] as number;

/** Loss, its parts and gradients at the first parameters, always with the same draws. */
async function first(options: SitOptions) {
  const method = sit(options);
  const views = await twoViews();
  const state = initState(method, adamW(), randomStream(0, "init"));
  const trained = pick(state.student, (name) => !isBuffer(name));
  const result = tidy(() => {
    const prepared = method.prepare({
      views,
      ...state,
      rng: randomStream(0, "step"),
      position: firstPosition,
    });
    const { gradients, output } = lossAndGradients(trained, state.student, prepared.loss);
    const largest = Object.entries(gradients).map(
      ([name, gradient]) => [name, number(tf.max(tf.abs(gradient)))] as const,
    );
    const numbers = Object.entries(output.parts).map(([name, part]) => [name, number(part)] as const);
    const found = { loss: number(output.loss), parts: Object.fromEntries<number>(numbers) };
    for (const kept of [output.loss, ...Object.values(output.parts), ...Object.values(output.buffers)])
      kept.dispose();
    return { ...found, gradients: Object.fromEntries(largest) };
  });
  const names = { student: Object.keys(state.student), teacher: state.teacher && Object.keys(state.teacher) };
  disposeState(state);
  for (const view of views) view.dispose();
  return { ...result, ...names };
}

for (const engine of await engines()) {
  describe(`the parts of sit() on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("adds alpha times the reconstruction to the contrast", async () => {
      const runs = [];
      for (const alpha of [0, 1, 5]) runs.push({ alpha, ...(await first({ ...parts, alpha })) });
      const once = runs[0]?.parts as Record<string, number>;
      expect(once.reconstruction).toBeGreaterThan(0.1);
      expect(once.contrast).toBeGreaterThan(0.1);
      for (const { alpha, loss, parts } of runs) {
        expect(parts).toEqual(once);
        const expected = alpha * (parts.reconstruction as number) + (parts.contrast as number);
        expect(Math.abs(loss - expected)).toBeLessThan(1e-5 * expected);
      }
      expect((await first(parts)).loss, "alpha is 5 unless given").toBe(runs[2]?.loss);
    });

    it("without contrast is GMML: no teacher, no projection head, nothing but the reconstruction", async () => {
      const { contrast: _, ...gmmlParts } = parts;
      const run = await first({ ...gmmlParts, alpha: 2 });
      expect(run.teacher).toBeUndefined();
      expect(run.student.some((name) => name.startsWith("head."))).toBe(false);
      expect(Object.keys(run.parts)).toEqual(["reconstruction"]);
      expect(run.loss).toBeCloseTo(2 * (run.parts.reconstruction as number), 5);
      expect(run.gradients["backbone.cls_token"]).toBeGreaterThan(0);
    });

    it("without reconstruction is contrast alone, and cannot reconstruct", async () => {
      const { reconstruction: _, ...contrastParts } = parts;
      const run = await first(contrastParts);
      expect(run.student.some((name) => name.startsWith("head_recons."))).toBe(false);
      expect(Object.keys(run.parts)).toEqual(["contrast"]);
      expect(run.loss).toBe(run.parts.contrast);
      expect(sit(contrastParts).reconstruct).toBeUndefined();
      expect(sit(parts).reconstruct).toBeTypeOf("function");
    });

    it("compares the student with itself where there is no teacher", async () => {
      const own = { ...contrast, loss: ntXent(), teacher: false };
      const run = await first({ ...parts, contrast: own });
      expect(run.teacher).toBeUndefined();
      expect(run.student.some((name) => name.startsWith("head."))).toBe(true);
      expect(run.parts.contrast).toBeGreaterThan(0);
      expect(run.gradients["head.mlp.0.weight"]).toBeGreaterThan(0);
    });

    it("refuses a state without the teacher that it wants", async () => {
      const views = await twoViews();
      const prepare = () =>
        tf.tidy(() => {
          sit(parts).prepare({
            views,
            student: {},
            teacher: undefined,
            rng: randomStream(0),
            position: firstPosition,
          });
        });
      expect(prepare).toThrow(SitError);
      expect(prepare).toThrow(/sit: expected a teacher's parameters/);
      tf.dispose(views);
    });

    it("starts the teacher as a copy of the student's backbone and projection head", () => {
      const state = initState(sit(parts), adamW(), randomStream(0));
      const teacher = state.teacher as Params;
      const wanted = Object.keys(state.student).filter((name) => /^(backbone|head)\./.test(name));
      expect(Object.keys(teacher)).toEqual(wanted);
      for (const [name, tensor] of Object.entries(teacher)) {
        expect(tensor.dataSync(), name).toEqual(state.student[name]?.dataSync());
      }
      disposeParams(state.student);
      expect(teacher["backbone.cls_token"]?.dataSync()).toHaveLength(width); // its own tensors
      disposeParams(teacher);
      disposeParams(state.optimizer);
    });

    it("moves running statistics of both networks, each its own", async () => {
      const method = sit(parts);
      const views = await twoViews();
      const state = initState(method, adamW(), randomStream(0, "init"));
      const names = Object.keys(state.student);
      const settings = { learningRate: 1e-3, weightDecay: 0, momentum: 0.5 };
      const next = trainStep(method, adamW(), state, { views, rng: randomStream(0, "step") }, settings);
      expect(Object.keys(next.state.student)).toEqual(names);
      const mean = "head.mlp.1.running_mean";
      const values = (params: Params | undefined, name: string) =>
        Array.from(params?.[name]?.dataSync() ?? []);
      expect(values(next.state.student, mean).some((value) => value !== 0)).toBe(true);
      expect(values(next.state.teacher, mean).some((value) => value !== 0)).toBe(true);
      // The student saw corrupted images, the teacher clean ones.
      expect(values(next.state.teacher, mean)).not.toEqual(values(next.state.student, mean));
      for (const params of [next.state.student, next.state.teacher]) {
        expect(values(params, "head.mlp.1.num_batches_tracked")).toEqual([1]);
      }
      expect(next.state.step).toBe(1);
      disposeState(next.state);
      tf.dispose([views, { ...next.metrics }]);
    });

    it("reconstructs in the images' own shape, and leaves nothing else behind", async () => {
      const method = sit(parts);
      const params = method.init(randomStream(0));
      const [images] = (await twoViews()) as [tf.Tensor4D, tf.Tensor4D];
      const leaked = await leakedTensors(() => {
        const result = method.reconstruct?.(params, images, randomStream(0, "picture"));
        expect(result?.reconstruction.shape).toEqual(images.shape);
        expect(result?.corrupted.shape).toEqual(images.shape);
        expect(result?.mask.shape).toEqual([4, size, size, 1]);
        tf.dispose({ ...result });
      });
      expect(leaked).toBe(0);
      disposeParams(params);
    });
  });
}

describe("options", () => {
  it("are refused where they cannot be meant", () => {
    expect(() => sit({ backbone, corruption })).toThrow(/reconstruction or contrast or both, got neither/);
    expect(() => sit({ ...parts, alpha: -1 })).toThrow(/alpha: expected a number of at least 0, got -1/);
  });
});
