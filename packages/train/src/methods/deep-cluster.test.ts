import { disposeParams, type Params, param, randomStream, SitError, trainable } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { crossEntropy } from "@sitjs/losses";
import { perceptronHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { randomViews } from "../../test/method-checks.js";
import { drawnParams, expectGradients, gradientsOf, lossOf } from "../../test/method-values.js";
import { bits, failure, runAll, savedAt, stateBits } from "../../test/runs.js";
import type { Method } from "../method.js";
import { pretrain } from "../pretrain.js";
import { disposeState } from "../step.js";
import { type DeepClusterOptions, deepCluster } from "./deep-cluster.js";

const [size, width, clusters, images] = [8, 16, 3, 12];
const LABELS = "pseudo_labels";

function tiny(options: Partial<DeepClusterOptions> = {}): Method {
  return deepCluster({
    backbone: visionTransformer({ imageSize: size, patchSize: 4, width, depth: 2, heads: 2 }),
    head: perceptronHead({ width, output: options.clusters ?? clusters }),
    loss: crossEntropy(),
    clusters,
    images,
    ...options,
  });
}

/** 3 steps an epoch. */
const loader = () => memoryLoader({ images, batchSize: 4, views: 1, size });

/** The method with these pseudo-labels from the beginning. */
function labelled(labels: readonly number[], options: Partial<DeepClusterOptions> = {}): Method {
  const method = tiny({ ...options, images: labels.length });
  return {
    ...method,
    init: (rng) => {
      const { [LABELS]: none, ...params } = method.init(rng);
      none?.dispose();
      return { ...params, [LABELS]: tf.tensor1d([...labels], "float32") };
    },
  };
}

const someViews = (batch: number) => randomViews({ views: 1, batch, size });

const labelsOf = (params: Params) => Array.from(param(params, LABELS).dataSync());

for (const engine of await engines({ plain: true })) {
  describe(`DeepCluster on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives every image of an epoch a group and a new head before it, and never between", async () => {
      const [labels, heads, norms]: [number[][], unknown[], number[]] = [[], [], []];
      // No learning: a head changes only where it is drawn anew, groups only with the views.
      const options = { steps: 6, seed: 1, schedules: { learningRate: () => 0 } };
      for await (const { state, gradientNorm, step } of pretrain(tiny(), loader(), options)) {
        labels.push(labelsOf(state.student));
        heads.push(bits({ weight: param(state.student, "head.0.weight") }));
        norms.push(gradientNorm);
        if (step === 5) disposeState(state);
      }
      for (const epoch of [0, 1]) {
        const own = labels[3 * epoch] as number[];
        expect([...new Set(own)].sort()).toEqual([0, 1, 2]);
        for (const step of [1, 2]) {
          expect(labels[3 * epoch + step]).toEqual(own);
          expect(heads[3 * epoch + step]).toEqual(heads[3 * epoch]);
        }
      }
      expect(heads[3]).not.toEqual(heads[0]);
      expect(Math.min(...norms)).toBeGreaterThan(0);
    });

    it.each(["token", "mean"] as const)("groups images that look alike, by the %s", async (features) => {
      // Images 0, 3, 6, … are dark, 1, 4, … bright, 2, 5, … striped.
      const source = memoryLoader({ images, batchSize: 4, views: 1, size });
      const painted = {
        ...source,
        async *range(start: number, end: number) {
          for await (const batch of source.range(start, end)) {
            for (const [i, index] of batch.indices.entries()) {
              const data = batch.views[0]?.data as Float32Array;
              const length = data.length / batch.indices.length;
              for (let p = 0; p < length; p++) {
                const value = [-1, 1, p % 2 === 0 ? 2 : -2][index % 3] as number;
                data[i * length + p] = value + 0.01 * (data[i * length + p] as number);
              }
            }
            yield batch;
          }
        },
      };
      const { state } = await runAll({ steps: 1 }, painted, tiny({ features }));
      // The epoch is one step of four images: the first and the fourth are of a kind.
      const [dark, bright, striped, alsoDark] = labelsOf(state.student);
      expect(alsoDark).toBe(dark);
      expect(new Set([dark, bright, striped]).size).toBe(3);
      expect(labelsOf(state.student).slice(4), "not of this epoch").toEqual(Array(8).fill(-1));
      disposeState(state);
    });

    it("gives log k where the head says nothing, whatever the sizes of the groups", () => {
      const sizes = [0, 0, 0, 0, 0, 1, 1, 2];
      const method = labelled(sizes);
      const params = method.init(randomStream(0));
      const head = ["head.0.weight", "head.0.bias"];
      const silent = Object.fromEntries(
        Object.entries(params).map(([name, x]) => [name, head.includes(name) ? tf.zerosLike(x) : x]),
      );
      const views = someViews(8);
      const indices = Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
      const at = (some: number[]) => lossOf(method, silent, { views, indices: Int32Array.from(some) }).loss;
      expect(at([...indices])).toBeCloseTo(Math.log(3), 5); // the mean weight of all images is 1
      // 8 images, 3 groups: weights 8 / (3 x 5), 8 / (3 x 2), 8 / (3 x 1).
      expect(at(Array(8).fill(0))).toBeCloseTo((Math.log(3) * 8) / 15, 5);
      expect(at(Array(8).fill(5))).toBeCloseTo((Math.log(3) * 8) / 6, 5);
      expect(at(Array(8).fill(7))).toBeCloseTo((Math.log(3) * 8) / 3, 5);
    });

    it("weighs every group alike: where all predictions are the same, the head is not drawn to the largest", () => {
      const method = labelled([0, 0, 0, 0, 0, 1, 1, 2]);
      const params = method.init(randomStream(0));
      const student = { ...params, "head.0.weight": tf.zeros([3, width]), "head.0.bias": tf.zeros([3]) };
      const views = someViews(8);
      const indices = Int32Array.from({ length: 8 }, (_, i) => i);
      const gradient = param(gradientsOf(method, student, { views, indices }), "head.0.bias").dataSync();
      for (const value of gradient) expect(Math.abs(value)).toBeLessThan(1e-6);
    });

    it("does not mind how groups are numbered, where the head's outputs are numbered alike", () => {
      const groups = [0, 1, 2, 0, 1, 2, 0, 0];
      const swap = [2, 0, 1];
      const views = someViews(8);
      const indices = Int32Array.from({ length: 8 }, (_, i) => i);
      const params = drawnParams(labelled(groups));
      const { loss } = lossOf(labelled(groups), params, { views, indices });
      const order = tf.tensor1d([1, 2, 0], "int32"); // row swap[k] of the result is row k
      const permuted = {
        ...params,
        [LABELS]: tf.tensor1d(groups.map((group) => swap[group] as number)),
        "head.0.weight": tf.gather(param(params, "head.0.weight"), order),
        "head.0.bias": tf.gather(param(params, "head.0.bias"), order),
      };
      expect(lossOf(labelled(groups), permuted, { views, indices }).loss).toBeCloseTo(loss as number, 5);
      const others = { ...permuted, "head.0.weight": param(params, "head.0.weight") };
      expect(lossOf(labelled(groups), others, { views, indices }).loss).not.toBeCloseTo(loss as number, 3);
    });

    it("has the gradients that central differences say, in every module", async () => {
      const views = someViews(4);
      const names = [
        "backbone.patch_embed.proj.weight",
        "backbone.blocks.0.attn.qkv.weight",
        "backbone.norm.bias",
        "head.0.weight",
        "head.0.bias",
      ];
      const indices = Int32Array.from([3, 0, 2, 5]);
      await expectGradients(labelled([0, 1, 2, 0, 0, 1]), { views, indices }, names, { step: 3e-3 });
    });

    it("goes on from every step to the same bits, an epoch's middle and its border", async () => {
      const options = { steps: 8, seed: 6, learningRate: 0.05 };
      const whole = await runAll(options, loader(), tiny());
      for (let stop = 1; stop < 8; stop++) {
        const resume = await savedAt(stop, options, loader(), tiny());
        const { reports, state } = await runAll({ ...options, resume }, loader(), tiny());
        expect(reports.map(({ metrics }) => metrics)).toEqual(
          whole.reports.slice(stop).map(({ metrics }) => metrics),
        );
        expect(stateBits(state)).toEqual(stateBits(whole.state));
        disposeState(state);
      }
      disposeState(whole.state);
    });

    it("has fewer groups in an epoch cut short by the end of the run", async () => {
      const many = { clusters: 10 };
      const { state } = await runAll({ steps: 4 }, loader(), tiny(many));
      expect(labelsOf(state.student).filter((label) => label >= 0)).toHaveLength(4);
      expect(state.step).toBe(4);
      disposeState(state);
    });

    it("a run leaves no tensor but its state", async () => {
      const leaked = await leakedTensors(async () => {
        const { state } = await runAll({ steps: 7, seed: 3 }, loader(), tiny());
        expect(Object.keys(trainable(state.student))).not.toContain(LABELS);
        disposeState(state);
      });
      expect(leaked).toBe(0);
    });

    it("refuses what does not fit, and leaves no tensor", async () => {
      expect(() => tiny({ clusters: 13 })).toThrow(/^clusters: expected 1 to 12 \(images\), got 13/);
      expect(() => tiny({ images: 0 })).toThrow(/^images: expected a whole number/);
      expect(() => tiny({ features: "both" as "mean" })).toThrow(/^features: expected "token" or "mean"/);
      expect(() => tiny({ iterations: 0 })).toThrow(/^iterations/);
      for (const [method, message] of [
        [tiny({ images: 20, clusters: 13 }), /^clusters: expected at most 12 \(images of an epoch\), got 13/],
        [tiny({ images: 10 }), /^images: expected more than the number of an image, 10, got 10/],
      ] as const) {
        let error: unknown;
        const leaked = await leakedTensors(async () => {
          error = await failure(() => runAll({ steps: 3 }, loader(), method));
        });
        expect(SitError.isInstance(error)).toBe(true);
        expect((error as Error).message).toMatch(message);
        expect(leaked).toBe(0);
      }
      const method = tiny();
      const params = method.init(randomStream(0));
      const views = someViews(2);
      expect(() => lossOf(method, params, { views })).toThrow(
        /loader: expected the numbers of a batch's images/,
      );
      const none = () => lossOf(method, params, { views, indices: Int32Array.from([0, 1]) });
      expect(none).toThrow(/^pseudo_labels: expected a group for image 0, got none/);
      disposeParams(params);
    });
  });
}
