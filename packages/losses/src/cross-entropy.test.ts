import { randomStream, SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { crossEntropy } from "./index.js";

const value = (loss: tf.Scalar): number => {
  const number = loss.dataSync()[0] as number;
  loss.dispose();
  return number;
};

/** The definition, row by row in float64. */
function definition(logits: number[][], targets: number[][]): number {
  const rows = logits.map((row, i) => {
    const top = Math.max(...row);
    const logTotal = top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
    return row.reduce((sum, z, j) => sum + (targets[i]?.[j] as number) * (logTotal - z), 0);
  });
  return rows.reduce((sum, row) => sum + row, 0) / rows.length;
}

const logitRows = Array.from({ length: 5 }, (_, i) =>
  Array.from(randomStream(3, i).fillNormal(new Float32Array(4)), (v) => 2 * v),
);
const classes = [2, 0, 3, 3, 1];
const hard = classes.map((c) => [0, 1, 2, 3].map((j) => (j === c ? 1 : 0)));

for (const engine of await engines({ cpu: true })) {
  describe(`cross-entropy on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test.each([0, 0.1, 0.5])(
      "is the definition, label smoothing %s, class numbers or targets",
      (labelSmoothing) => {
        const smooth = hard.map((row) => row.map((t) => t * (1 - labelSmoothing) + labelSmoothing / 4));
        const expected = definition(logitRows, smooth);
        const loss = crossEntropy({ labelSmoothing });
        tf.tidy(() => {
          const logits = tf.tensor2d(logitRows);
          expect(value(loss.loss(logits, tf.tensor1d(classes, "int32")))).toBeCloseTo(expected, 5);
          expect(value(loss.loss(logits, tf.tensor2d(hard)))).toBeCloseTo(expected, 5);
          expect(value(loss.loss(logits, tf.tensor2d(hard, [5, 4], "int32")))).toBeCloseTo(expected, 5);
        });
      },
    );

    test("uniform predictions give log k; perfect ones nearly 0", () => {
      tf.tidy(() => {
        const labels = tf.tensor1d([0, 6, 3], "int32");
        expect(value(crossEntropy().loss(tf.fill([3, 7], 12.5), labels))).toBeCloseTo(Math.log(7), 6);
        const sure = tf.mul(tf.oneHot(labels, 7), 40) as tf.Tensor2D;
        expect(value(crossEntropy().loss(sure, labels))).toBeLessThan(1e-6);
      });
    });

    test("logits of 1e30 and -1e30 are finite, loss and gradient", () => {
      tf.tidy(() => {
        const logits = tf.tensor2d([
          [1e30, -1e30, 0],
          [-1e30, -1e30, -1e30],
        ]);
        const labels = tf.tensor1d([0, 2], "int32");
        const { value: loss, grad } = tf.valueAndGrad((x) => crossEntropy().loss(x as tf.Tensor2D, labels))(
          logits,
        );
        expect(loss.dataSync()[0]).toBeCloseTo(Math.log(3) / 2, 5);
        const expected = [0, 0, 0, 1 / 6, 1 / 6, -1 / 3];
        for (const [i, g] of grad.dataSync().entries()) expect(g).toBeCloseTo(expected[i] as number, 5);
      });
    });

    test("the gradient agrees with central differences, targets that do not sum to 1 too", async () => {
      const logits = tf.tensor2d(logitRows);
      const labels = tf.tensor1d(classes, "int32");
      const odd = tf.tensor2d(hard.map((row, i) => row.map((t, j) => t * (1 + i) + 0.1 * j)));
      for (const targets of [labels, odd]) {
        const check = await gradientError(
          (x) => crossEntropy({ labelSmoothing: 0.1 }).loss(x as tf.Tensor2D, targets),
          logits,
        );
        expect(check.relativeToMax).toBeLessThan(1e-2);
      }
      tf.dispose([logits, labels, odd]);
    });

    test("a class number that is no class adds nothing, to the loss or the gradient", () => {
      tf.tidy(() => {
        const logits = tf.tensor2d(logitRows.slice(0, 2));
        const { value: loss, grad } = tf.valueAndGrad((x) =>
          crossEntropy().loss(x as tf.Tensor2D, tf.tensor1d([2, 9], "int32")),
        )(logits);
        const alone = definition(logitRows.slice(0, 1), hard.slice(0, 1));
        expect(loss.dataSync()[0]).toBeCloseTo(alone / 2, 5);
        expect(Array.from(grad.dataSync().slice(4))).toEqual([0, 0, 0, 0]);
      });
    });

    test("nothing is left behind, values and gradients", async () => {
      const logits = tf.tensor2d(logitRows);
      const labels = tf.tensor1d(classes, "int32");
      const leaked = await leakedTensors(() => {
        const loss = crossEntropy({ labelSmoothing: 0.1 });
        const { value: result, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor2D, labels))(logits);
        tf.dispose([result, grad]);
        loss.loss(logits, labels).dispose();
      });
      expect(leaked).toBe(0);
      tf.dispose([logits, labels]);
    });
  });
}

describe("cross-entropy, bad input", () => {
  test.each([-0.1, 1, Number.NaN])("labelSmoothing %s is an error", (labelSmoothing) => {
    expect(() => crossEntropy({ labelSmoothing })).toThrow(
      /^labelSmoothing: expected a number in \[0, 1\), got/,
    );
  });

  test("shapes and types name the argument", () => {
    const logits = tf.ones([2, 3]) as tf.Tensor2D;
    const vector = tf.ones([3]) as unknown as tf.Tensor2D;
    const three = tf.tensor1d([0, 1, 2], "int32");
    const floats = tf.tensor1d([0, 1]);
    const wide = tf.ones([2, 4]) as tf.Tensor2D;
    expect(() => crossEntropy().loss(vector, three)).toThrow(
      /^logits: expected \[batch, classes\], got \[3\]/,
    );
    expect(() => crossEntropy().loss(logits, three)).toThrow(/^labels: expected \[2\], got \[3\]/);
    expect(() => crossEntropy().loss(logits, floats)).toThrow(
      /^labels: expected int32 class numbers, got float32/,
    );
    expect(() => crossEntropy().loss(logits, wide)).toThrow(/^labels: expected \[2, 3\], got \[2, 4\]/);
    expect(() => crossEntropy().loss(logits, wide)).toThrow(SitError);
    tf.dispose([logits, vector, three, floats, wide]);
  });
});
