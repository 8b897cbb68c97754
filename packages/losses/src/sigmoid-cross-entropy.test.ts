import { randomStream, SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { sigmoidCrossEntropy } from "./index.js";

const logitRows = Array.from({ length: 5 }, (_, i) =>
  Array.from(randomStream(4, i).fillNormal(new Float32Array(3)), (v) => 3 * v),
);
const targetRows = [
  [1, 0, 1],
  [0, 0, 0],
  [1, 1, 1],
  [0, 255, 1],
  [0.25, 0.5, -1],
];

/** The definition in float64, over what counts. */
function definition(logits: number[][], targets: number[][], smoothing: number): number {
  const values = logits.flatMap((row, i) =>
    row.flatMap((z, j) => {
      const target = targets[i]?.[j] as number;
      if (target < 0 || target > 1) return [];
      const t = target * (1 - smoothing) + smoothing / 2;
      const p = 1 / (1 + Math.exp(-z));
      return [-t * Math.log(p) - (1 - t) * Math.log(1 - p)];
    }),
  );
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

for (const engine of await engines({ cpu: true })) {
  describe(`sigmoid cross-entropy on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test.each([0, 0.1, 0.5])("is the definition, label smoothing %s", (labelSmoothing) => {
      tf.tidy(() => {
        const loss = sigmoidCrossEntropy({ labelSmoothing });
        const value = loss.loss(tf.tensor2d(logitRows), tf.tensor2d(targetRows)).dataSync()[0];
        expect(value).toBeCloseTo(definition(logitRows, targetRows, labelSmoothing), 5);
      });
    });

    test("takes whole numbers, as a loader's bytes are", () => {
      tf.tidy(() => {
        const rows = targetRows.slice(0, 4);
        const value = sigmoidCrossEntropy().loss(
          tf.tensor2d(logitRows.slice(0, 4)),
          tf.tensor2d(rows, [4, 3], "int32"),
        );
        expect(value.dataSync()[0]).toBeCloseTo(definition(logitRows.slice(0, 4), rows, 0), 5);
      });
    });

    test("logits of 0 give log 2; of 1e30 all is finite, and right answers cost nothing", () => {
      tf.tidy(() => {
        const none = sigmoidCrossEntropy().loss(tf.zeros([2, 3]), tf.tensor2d(targetRows.slice(0, 2)));
        expect(none.dataSync()[0]).toBeCloseTo(Math.LN2, 6);
        const far = tf.tensor2d([[1e30, -1e30, 1e30, -1e30]]);
        const right = tf.tensor2d([[1, 0, 255, -1]]);
        const wrong = tf.tensor2d([[0, 0, 255, 255]]);
        const at = (targets: tf.Tensor2D) =>
          tf.valueAndGrad((x) => sigmoidCrossEntropy().loss(x as tf.Tensor2D, targets))(far);
        expect(at(right).value.dataSync()[0]).toBe(0);
        expect(Array.from(at(right).grad.dataSync(), Math.abs)).toEqual([0, 0, 0, 0]);
        expect((at(wrong).value.dataSync()[0] as number) / 5e29).toBeCloseTo(1, 5);
        expect(Array.from(at(wrong).grad.dataSync(), Math.abs)).toEqual([0.5, 0, 0, 0]);
      });
    });

    test("where nothing counts there is no loss and no gradient", () => {
      tf.tidy(() => {
        const run = tf.valueAndGrad((x) =>
          sigmoidCrossEntropy().loss(x as tf.Tensor2D, tf.tensor2d([[255, 255]])),
        );
        const { value, grad } = run(tf.tensor2d([[3, -2]]));
        expect([value.dataSync()[0], ...grad.dataSync()].map(Math.abs as (x?: number) => number)).toEqual([
          0, 0, 0,
        ]);
      });
    });

    test("the gradient agrees with central differences", async () => {
      const logits = tf.tensor2d(logitRows);
      const targets = tf.tensor2d(targetRows);
      const check = await gradientError(
        (x) => sigmoidCrossEntropy({ labelSmoothing: 0.1 }).loss(x as tf.Tensor2D, targets),
        logits,
      );
      expect(check.relativeToMax).toBeLessThan(1e-2);
      tf.dispose([logits, targets]);
    });

    test("nothing is left behind, values and gradients", async () => {
      const logits = tf.tensor2d(logitRows);
      const targets = tf.tensor2d(targetRows);
      const leaked = await leakedTensors(() => {
        const loss = sigmoidCrossEntropy({ labelSmoothing: 0.1 });
        const { value, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor2D, targets))(logits);
        tf.dispose([value, grad]);
      });
      expect(leaked).toBe(0);
      tf.dispose([logits, targets]);
    });
  });
}

describe("sigmoid cross-entropy, bad input", () => {
  test.each([-0.1, 1, Number.NaN])("labelSmoothing %s is an error", (labelSmoothing) => {
    expect(() => sigmoidCrossEntropy({ labelSmoothing })).toThrow(/^labelSmoothing: expected a number in/);
  });

  test("shapes name the argument", () => {
    const logits = tf.ones([2, 3]) as tf.Tensor2D;
    const classes = tf.tensor1d([0, 1], "int32");
    const wide = tf.ones([2, 4]) as tf.Tensor2D;
    const vector = tf.ones([3]) as unknown as tf.Tensor2D;
    const { loss } = sigmoidCrossEntropy();
    expect(() => loss(logits, classes)).toThrow(/^labels: expected \[2, 3\], got \[2\]/);
    expect(() => loss(logits, wide)).toThrow(/^labels: expected \[2, 3\], got \[2, 4\]/);
    expect(() => loss(vector, vector)).toThrow(/^logits: expected \[batch, classes\], got \[3\]/);
    expect(() => loss(logits, wide)).toThrow(SitError);
    tf.dispose([logits, classes, wide, vector]);
  });
});
