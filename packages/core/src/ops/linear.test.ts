import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { linear, matMul2d, sumRows } from "./index.js";

const draw = (shape: number[], ...path: (string | number)[]): tf.Tensor =>
  tf.tensor(
    randomStream(0, "linear", ...path).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

/** The sum in float64, one element after the other: a is [rows, inner], b [columns, inner]. */
function naiveProduct(a: ArrayLike<number>, b: ArrayLike<number>, inner: number): number[] {
  const [rows, columns] = [a.length / inner, b.length / inner];
  return Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += Number(a[row * inner + k]) * Number(b[column * inner + k]);
    return sum;
  });
}

for (const engine of await engines({ cpu: true })) {
  describe(`linear on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      { shape: [3, 5, 7], out: 4 },
      { shape: [1, 1], out: 1 },
      { shape: [17, 13], out: 1 },
      { shape: [1, 2, 3, 4, 5], out: 6 },
    ])("is x weightᵀ + bias for x $shape to $out", async ({ shape, out }) => {
      const inner = shape[shape.length - 1] as number;
      const [x, weight, bias] = [draw(shape, "x"), draw([out, inner], "w"), draw([out], "b")];
      const y = linear(x, weight, bias);
      expect(y.shape).toEqual([...shape.slice(0, -1), out]);
      const biases = await bias.data();
      const product = naiveProduct(await x.data(), await weight.data(), inner);
      const expected = product.map((value, i) => value + Number(biases[i % out]));
      expect(closeness(await y.data(), expected).maxAbsolute).toBeLessThan(1e-5);
      const without = closeness(await linear(x, weight).data(), product);
      expect(without.maxAbsolute).toBeLessThan(1e-5);
    });

    it("reads a patch convolution's weight [out, channels, p, p] as [out, channels x p x p]", async () => {
      const [x, weight] = [draw([2, 12], "x"), draw([5, 3, 2, 2], "w")];
      const flat = linear(x, tf.reshape(weight, [5, 12]));
      expect(closeness(await linear(x, weight).data(), await flat.data()).maxAbsolute).toBe(0);
    });

    it("has the gradients of finite differences, for input, weight and bias", async () => {
      const [x, weight, bias] = [draw([2, 3, 4], "x"), draw([5, 4], "w"), draw([5], "b")];
      const loss = (y: tf.Tensor): tf.Scalar => tf.sum(tf.mul(y, draw(y.shape, "cotangent")));
      const checks = [
        await gradientError((at) => loss(linear(at, weight, bias)), x),
        await gradientError((at) => loss(linear(x, at, bias)), weight),
        await gradientError((at) => loss(linear(x, weight, at)), bias),
        await gradientError((at) => loss(linear(x, at)), weight),
      ];
      for (const { relativeToMax } of checks) expect(relativeToMax).toBeLessThan(2e-3);
    });

    it("keeps a NaN in its own row", async () => {
      const x = tf.tensor2d([1, Number.NaN, 2, 3], [2, 2]);
      const y = await linear(x, tf.ones([3, 2])).data();
      expect([...y]).toEqual([Number.NaN, Number.NaN, Number.NaN, 5, 5, 5]);
    });

    it("throws SitError for shapes that do not fit", () => {
      const [x, weight] = [draw([2, 3], "x"), draw([4, 3], "w")];
      expect(() => linear(draw([2, 5], "x"), weight)).toThrow(SitError);
      expect(() => linear(x, weight, draw([3], "b"))).toThrow(/linear: expected bias to be \[4\], got \[3\]/);
      expect(() => linear(x, weight, draw([1], "b"))).toThrow(SitError);
      expect(() => matMul2d(draw([2, 3], "a") as tf.Tensor2D, draw([4, 3], "b") as tf.Tensor2D)).toThrow(
        SitError,
      );
    });

    it("leaves nothing behind, forward and backward", async () => {
      const [x, weight, bias] = [draw([2, 3], "x"), draw([4, 3], "w"), draw([4], "b")];
      expect(await leakedTensors(() => linear(x, weight, bias).dispose())).toBe(0);
      const backward = tf.grads((a, b, c) => tf.sum(linear(a as tf.Tensor, b as tf.Tensor, c)));
      expect(await leakedTensors(() => tf.dispose(backward([x, weight, bias])))).toBe(0);
    });
  });

  describe(`matMul2d and sumRows on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ])("multiplies with transposes %s and %s, and differentiates", async (transposeA, transposeB) => {
      const a = draw(transposeA ? [3, 2] : [2, 3], "a") as tf.Tensor2D;
      const b = draw(transposeB ? [5, 3] : [3, 5], "b") as tf.Tensor2D;
      const rows = await (transposeA ? tf.transpose(a) : a).data();
      const columns = await (transposeB ? b : tf.transpose(b)).data();
      const product = matMul2d(a, b, transposeA, transposeB);
      expect(product.shape).toEqual([2, 5]);
      expect(closeness(await product.data(), naiveProduct(rows, columns, 3)).maxAbsolute).toBeLessThan(1e-5);
      const loss = (x: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar =>
        tf.sum(tf.square(matMul2d(x, y, transposeA, transposeB)));
      const errors = [
        await gradientError((at) => loss(at as tf.Tensor2D, b), a),
        await gradientError((at) => loss(a, at as tf.Tensor2D), b),
      ];
      for (const { relativeToMax } of errors) expect(relativeToMax).toBeLessThan(2e-3);
      expect(await leakedTensors(() => matMul2d(a, b, transposeA, transposeB).dispose())).toBe(0);
    });

    it.each([
      [1, 1],
      [1, 6],
      [37, 3],
    ])("sums %i rows of %i", async (rows, columns) => {
      const x = draw([rows, columns], "x") as tf.Tensor2D;
      const values = await x.data();
      const expected = Array.from({ length: columns }, (_, column) => {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += Number(values[row * columns + column]);
        return sum;
      });
      expect(sumRows(x).shape).toEqual([columns]);
      expect(closeness(await sumRows(x).data(), expected).maxAbsolute).toBeLessThan(1e-5);
      expect(await leakedTensors(() => sumRows(x).dispose())).toBe(0);
    });
  });
}
