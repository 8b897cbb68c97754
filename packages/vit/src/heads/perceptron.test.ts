import { randomStream } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { perceptronHead } from "../index.js";

const gelu = (x: number) => {
  // erf by its Taylor series, exact enough for small numbers
  const z = x / Math.SQRT2;
  let term = z;
  let erf = z;
  for (let n = 1; n < 30; n++) {
    term *= (-z * z) / n;
    erf += term / (2 * n + 1);
  }
  return x * 0.5 * (1 + (2 / Math.sqrt(Math.PI)) * erf);
};

for (const engine of await engines()) {
  describe(`perceptronHead on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("is its layers one after the other, with GELU between them", async () => {
      const head = perceptronHead({ width: 1, hidden: [1, 1], output: 2 });
      const params = {
        "0.weight": tf.tensor2d([[0.5]]),
        "0.bias": tf.tensor1d([0.1]),
        "1.weight": tf.tensor2d([[-0.8]]),
        "1.bias": tf.tensor1d([0.3]),
        "2.weight": tf.tensor2d([[2], [3]]),
        "2.bias": tf.tensor1d([0, 1]),
      };
      const { output } = head.apply(params, tf.tensor2d([[0.7]]), { train: true });
      const middle = gelu(-0.8 * gelu(0.45) + 0.3);
      const [first, second] = await output.data();
      expect(first).toBeCloseTo(2 * middle, 5);
      expect(second).toBeCloseTo(3 * middle + 1, 5);
    });

    it("is one linear layer unless told, and leaves nothing behind", async () => {
      const head = perceptronHead({ width: 3, output: 4 });
      const params = head.init(randomStream(0));
      expect(Object.keys(params).sort()).toEqual(["0.bias", "0.weight"]);
      const x = tf.ones([5, 3]) as tf.Tensor2D;
      expect(await leakedTensors(() => head.apply(params, x, { train: true }).output.dispose())).toBe(0);
    });

    it("names what is wrong", () => {
      expect(() => perceptronHead({ width: 0, output: 1 })).toThrow(/width: expected/);
      expect(() => perceptronHead({ width: 1, hidden: [2, -1], output: 1 })).toThrow(/hidden: expected/);
      const head = perceptronHead({ width: 3, output: 1 });
      expect(() => head.apply({}, tf.ones([2, 4]), { train: true })).toThrow(/x: expected .*3.* got/);
    });
  });
}
