import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { failure } from "../../test/runs.js";
import { whitened } from "./whiten.js";

const [points, width] = [400, 5];

/** Rows with correlated features of very different size, far from the origin. */
function correlated(): Float32Array {
  const values = new Float32Array(points * width);
  const rng = randomStream(1, "points");
  for (let i = 0; i < points; i++) {
    const [a, b, c, d, e] = Array.from({ length: width }, () => rng.normal()) as [
      number,
      number,
      number,
      number,
      number,
    ];
    values.set([3 + 2 * a, a + b, 0.5 * b - c + 1, d, 0.3 * (d + 2 * e) - 4], i * width);
  }
  return values;
}

const matrix = (values: Float32Array): tf.Tensor2D => tf.tensor2d(values, [values.length / width, width]);

for (const engine of await engines({ cpu: true })) {
  describe(`whitening on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives rows of length 1 whose features have mean 0, equal variance, and do not go together", async () => {
      const white = await whitened(matrix(correlated()));
      const lengths = tf.sum(tf.square(white), 1).dataSync();
      for (const length of lengths) expect(length).toBeCloseTo(1, 5);
      const covariance = tf.div(tf.matMul(white, white, true), points).arraySync() as number[][];
      for (const [i, row] of covariance.entries()) {
        for (const [j, value] of row.entries()) {
          // Length 1 shared by five features; normal points leave a share of chance of about 1 / sqrt(400).
          expect(Math.abs(value - (i === j ? 1 / width : 0)), `${i}, ${j}`).toBeLessThan(0.03);
        }
      }
    });

    it("does not see how features were mixed, shifted or scaled: all angles stay", async () => {
      const values = correlated();
      const mixed = Float32Array.from(values, (_, at) => {
        const [row, f] = [Math.floor(at / width), at % width];
        const [x, y] = [values[at] as number, values[row * width + ((f + 2) % width)] as number];
        return (f + 1) * (x + 0.4 * y) - 2 * f;
      });
      const angles = async (of: Float32Array) => {
        const white = await whitened(matrix(of));
        const some = tf.slice(white, [0, 0], [40, -1]) as tf.Tensor2D;
        return tf.matMul(some, some, false, true).dataSync();
      };
      const [first, second] = [await angles(values), await angles(mixed)];
      first.forEach((value, i) => {
        expect(Math.abs(value - (second[i] as number))).toBeLessThan(0.02);
      });
    });

    it("does not blow up what does not vary: features that sum to zero, fewer points than features, all alike", async () => {
      const values = correlated();
      for (let row = 0; row < points; row++) {
        const sum = values.subarray(row * width, row * width + 4).reduce((a, b) => a + b, 0);
        values[row * width + 4] = -sum;
      }
      const cases = [values, values.subarray(0, 3 * width), new Float32Array(10 * width).fill(2)];
      for (const of of cases) {
        const white = (await whitened(matrix(of))).dataSync();
        expect(white.every(Number.isFinite)).toBe(true);
        expect(Math.max(...white.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-5);
      }
    });

    it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %s", async (bad) => {
      const values = correlated();
      values[17] = bad;
      const error = await failure(() => whitened(matrix(values)));
      expect(SitError.isInstance(error) && error.code).toBe("not-finite");
    });

    it("leaves its result alone behind", async () => {
      const features = matrix(correlated());
      expect(await leakedTensors(() => whitened(features))).toBe(1);
    });
  });
}
