import { isBuffer, type Params, randomStream, SitError, trainable } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { classifierHead, projectionHead, reconstructionHead } from "../index.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "vit", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const shapes = (params: Params): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, shape]));
const difference = async (a: tf.Tensor, b: tf.Tensor): Promise<number> =>
  closeness(await a.data(), await b.data()).maxAbsolute;

for (const engine of await engines()) {
  describe(`heads on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("name and shape the official variants' parameters as the reference does", () => {
      const named = (name: string) =>
        Object.fromEntries(
          Object.entries(loadFixture(name).parameters()).map(([key, { shape }]) => [key, shape]),
        );
      const projection = projectionHead({ variant: "official", width: 32, hidden: 64, output: 16 });
      expect(shapes(projection.init(randomStream(0)))).toEqual(named("heads_cls"));
      const reconstruction = reconstructionHead({ variant: "official", width: 32, patchSize: 8 });
      expect(shapes(reconstruction.init(randomStream(0)))).toEqual(named("heads_rec"));
      const classifier = classifierHead({ kind: "two-layer", width: 32, classes: 7 });
      expect(shapes(classifier.init(randomStream(0)))).toEqual({
        "0.weight": [32, 64],
        "0.bias": [32],
        "2.weight": [7, 32],
        "2.bias": [7],
      });
    });

    it("follow the paper by default: 2 x 2048 to pixels; 2 x 4096 with batch norm, then linear to 256", () => {
      const reconstruction = reconstructionHead({ width: 8, patchSize: 2, channels: 1 }).init(
        randomStream(0),
      );
      expect(shapes(reconstruction)).toEqual({
        "mlp.0.weight": [2048, 8],
        "mlp.0.bias": [2048],
        "mlp.2.weight": [2048, 2048],
        "mlp.2.bias": [2048],
        "convTrans.weight": [2048, 1, 2, 2],
        "convTrans.bias": [1],
      });
      const projection = projectionHead({ width: 8, hidden: 6, output: 4 });
      expect(shapes(trainable(projection.init(randomStream(0))))).toEqual({
        "mlp.0.weight": [6, 8],
        "mlp.0.bias": [6],
        "mlp.1.weight": [6],
        "mlp.1.bias": [6],
        "mlp.3.weight": [6, 6],
        "mlp.3.bias": [6],
        "mlp.4.weight": [6],
        "mlp.4.bias": [6],
        "mlp.6.weight": [4, 6],
        "mlp.6.bias": [4],
      });
    });

    it("differ between the variants where the code differs from the paper", async () => {
      // Official parameters hold all of the paper's; ReLU for GELU and the last norm make the outputs differ.
      const official = projectionHead({ variant: "official", width: 8, hidden: 16, output: 4, layers: 2 });
      const paper = projectionHead({ variant: "paper", width: 8, hidden: 16, output: 4, layers: 2 });
      const params = official.init(randomStream(0));
      const x = draw([6, 8], "x") as tf.Tensor2D;
      const first = official.apply(params, x, { train: true });
      const mean = await tf.mean(first.output, 0).data();
      const variance = await tf.mean(tf.square(first.output), 0).data();
      expect(closeness(mean, [0, 0, 0, 0]).maxAbsolute).toBeLessThan(1e-5);
      expect(closeness(variance, [1, 1, 1, 1]).maxAbsolute).toBeLessThan(0.1); // less epsilon's share
      const second = paper.apply(params, x, { train: true });
      expect(Object.keys(second.buffers).every((name) => name.startsWith("mlp.1."))).toBe(true);
      expect(await difference(first.output, second.output)).toBeGreaterThan(0.1);
    });

    it("converge on the data's statistics after many batches", async () => {
      const head = projectionHead({ width: 3, hidden: 2, output: 2, layers: 2 });
      let params = head.init(randomStream(0));
      const x = draw([16, 3], "x") as tf.Tensor2D;
      let trained: tf.Tensor = tf.zeros([1]);
      for (let step = 0; step < 200; step++) {
        const { output, buffers } = head.apply(params, x, { train: true });
        params = { ...params, ...buffers };
        trained = output;
      }
      expect((await params["mlp.1.num_batches_tracked"]?.data())?.[0]).toBe(200);
      const evaluated = head.apply(params, x, { train: false });
      // The same batch again and again: only unbiased against biased variance, 16 / 15, is left between them.
      expect(await difference(evaluated.output, trained)).toBeLessThan(0.01);
      expect(Object.keys(params).filter(isBuffer)).toHaveLength(3);
    });

    it("classify what they are told to see", async () => {
      const tokens = draw([2, 5, 8], "tokens") as tf.Tensor3D;
      const token = tf.reshape(tf.slice(tokens, [0, 0, 0], [2, 1, 8]), [2, 8]);
      const mean = tf.mean(tf.slice(tokens, [0, 1, 0], [2, 4, 8]), 1);
      const inputs = { token, mean, "token+mean": tf.concat([token, mean], 1) };
      for (const [input, pooled] of Object.entries(inputs)) {
        const head = classifierHead({ input: input as keyof typeof inputs, width: 8, classes: 3 });
        const params = head.init(randomStream(0));
        const weight = params.weight as tf.Tensor2D;
        const { output, buffers } = head.apply(params, tokens, { train: true });
        expect(buffers).toEqual({});
        const expected = tf.matMul(pooled as tf.Tensor2D, weight, false, true);
        expect(await difference(output, expected), input).toBeLessThan(1e-5);
      }
    });

    it("put a patch's pixels where the patch is", async () => {
      const head = reconstructionHead({ width: 4, patchSize: 2, channels: 2, hidden: 8 });
      const params = head.init(randomStream(0));
      const patches = draw([1, 6, 4], "patches") as tf.Tensor3D;
      const { output } = head.apply(params, { patches, grid: [2, 3] }, { train: false });
      expect(output.shape).toEqual([1, 4, 6, 2]);
      const last = tf.slice(patches, [0, 5, 0], [1, 1, 4]);
      const alone = head.apply(params, { patches: last, grid: [1, 1] }, { train: false });
      expect(await difference(tf.slice(output, [0, 2, 4, 0], [1, 2, 2, 2]), alone.output)).toBeLessThan(1e-5);
    });

    it("leave nothing behind but their outputs", async () => {
      const x = draw([4, 8], "x") as tf.Tensor2D;
      const tokens = draw([4, 5, 8], "tokens") as tf.Tensor3D;
      const projection = projectionHead({ variant: "official", width: 8, hidden: 8, output: 4 });
      const reconstruction = reconstructionHead({ variant: "official", width: 8, patchSize: 2 });
      const classifier = classifierHead({ kind: "two-layer", width: 8, classes: 3 });
      const params = [projection, reconstruction, classifier].map((head) => head.init(randomStream(0)));
      const [p, r, c] = params as [Params, Params, Params];
      const work = () => {
        for (const train of [true, false]) {
          const { output, buffers } = projection.apply(p, x, { train });
          tf.dispose([output, ...Object.values(buffers)]);
        }
        const patches = tf.slice(tokens, [0, 1, 0], [4, 4, 8]);
        reconstruction.apply(r, { patches, grid: [2, 2] }, { train: true }).output.dispose();
        patches.dispose();
        classifier.apply(c, tokens, { train: true }).output.dispose();
      };
      expect(await leakedTensors(work)).toBe(0);
    });

    it("refuse options and inputs that do not fit", () => {
      const refused: [() => unknown, RegExp][] = [
        [() => projectionHead({ width: 8, layers: 1 }), /layers: expected at least 2, got 1/],
        [() => projectionHead({ width: 8, variant: "x" as "paper" }), /variant: .* got "x"/],
        [() => reconstructionHead({ width: 8, patchSize: 0 }), /patchSize: .* got 0/],
        [() => reconstructionHead({ width: 8, patchSize: 2, variant: "x" as "paper" }), /variant/],
        [() => classifierHead({ width: 8, classes: 0 }), /classes: .* got 0/],
        [() => classifierHead({ width: 8, classes: 2, kind: "x" as "linear" }), /kind/],
        [() => classifierHead({ width: 8, classes: 2, input: "x" as "token" }), /input/],
      ];
      for (const [make, message] of refused) {
        expect(make).toThrow(SitError);
        expect(make).toThrow(message);
      }
      const x = draw([4, 7], "x") as tf.Tensor2D;
      const projection = projectionHead({ width: 8, hidden: 8 });
      const params = projection.init(randomStream(0));
      expect(() => projection.apply(params, x, { train: false })).toThrow(/tokens: expected \[any, 8\]/);
      const one = draw([1, 8], "x") as tf.Tensor2D;
      expect(() => projection.apply(params, one, { train: true })).toThrow(/batch of at least 2/);
      const head = reconstructionHead({ variant: "official", width: 8, patchSize: 2 });
      const patches = draw([1, 5, 8], "patches") as tf.Tensor3D;
      expect(() =>
        head.apply(head.init(randomStream(0)), { patches, grid: [2, 2] }, { train: false }),
      ).toThrow(/patches: expected \[any, 4, 8\], got \[1, 5, 8\]/);
    });
  });
}
