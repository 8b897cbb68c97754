import { SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal, numberOf } from "../test/values.js";
import { infoMax, jensenShannonLoss, pairScores, scoreInfoNceLoss } from "./index.js";

const all = (["jensen-shannon", "info-nce"] as const).map((estimator) => infoMax({ estimator }));
const softplus = (x: number) => Math.log(1 + Math.exp(x));

function inputs() {
  return {
    summary: normal<tf.Tensor2D>("summary", [4, 3]),
    global: normal<tf.Tensor2D>("global", [4, 3]),
    local: normal<tf.Tensor3D>("local", [4, 5, 3]),
  };
}

/** Inner products by hand: [i][j][m] of image i's summary and location m of image j. */
function scoresOf(summary: tf.Tensor2D, local: tf.Tensor3D): number[][][] {
  const places = local.arraySync();
  return summary
    .arraySync()
    .map((s) =>
      places.map((image) => image.map((l) => l.reduce((sum, v, k) => sum + v * (s[k] as number), 0))),
    );
}

for (const engine of await engines({ cpu: true })) {
  describe(`mutual information on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("both estimators by their definitions, local and global", () => {
      const { summary, global, local } = inputs();
      const oneLocation = tf.reshape(global, [4, 1, 3]) as tf.Tensor3D;
      for (const others of [local, oneLocation]) {
        const scores = scoresOf(summary, others);
        const locations = others.shape[1];
        let [positive, negative, nce] = [0, 0, 0];
        scores.forEach((row, i) => {
          const wrong = row.filter((_, j) => j !== i).flat();
          negative += wrong.reduce((sum, s) => sum + softplus(s), 0) / (4 * 3 * locations);
          for (const s of row[i] as number[]) {
            positive += softplus(-s) / (4 * locations);
            const total = wrong.reduce((sum, other) => sum + Math.exp(other), Math.exp(s));
            nce += (Math.log(total) - s) / (4 * locations);
          }
        });
        const [jensenShannon, infoNce] = all.map((loss) => numberOf(loss.loss(summary, others)));
        expect(jensenShannon).toBeCloseTo(positive + negative, 5);
        expect(infoNce).toBeCloseTo(nce, 5);
      }
      for (const loss of all) {
        expect(numberOf(loss.loss(summary, global))).toBe(numberOf(loss.loss(summary, oneLocation)));
      }
      tf.dispose([summary, global, local, oneLocation]);
    });

    test("scores that tell nothing: 2 log 2, and log of the number of candidates", () => {
      tf.tidy(() => {
        for (const level of [0, 7]) {
          const equal = tf.fill([4, 4, 5], level) as tf.Tensor3D;
          expect(scoreInfoNceLoss(equal).dataSync()[0]).toBeCloseTo(Math.log(1 + 3 * 5), 5);
          expect(scoreInfoNceLoss(tf.fill([6, 6, 1], level)).dataSync()[0]).toBeCloseTo(Math.log(6), 5);
        }
        expect(jensenShannonLoss(tf.zeros([4, 4, 5])).dataSync()[0]).toBeCloseTo(2 * Math.log(2), 6);
      });
    });

    test("scores that tell images apart: 0; the reverse: large", () => {
      tf.tidy(() => {
        const right = tf.reshape(tf.sub(tf.mul(tf.eye(4), 80), 40), [4, 4, 1]) as tf.Tensor3D;
        const wrong = tf.neg(right) as tf.Tensor3D;
        for (const loss of [jensenShannonLoss, scoreInfoNceLoss]) {
          expect(loss(right).dataSync()[0]).toBeLessThan(1e-6);
          expect(loss(wrong).dataSync()[0]).toBeGreaterThan(79);
        }
      });
    });

    test("another order of images, or of locations, changes nothing; mixed up images do", () => {
      tf.tidy(() => {
        const { summary, local } = inputs();
        const order = tf.tensor1d([2, 0, 3, 1], "int32");
        const [s, l] = [tf.gather(summary, order), tf.gather(local, order)] as [tf.Tensor2D, tf.Tensor3D];
        const places = tf.gather(local, tf.tensor1d([4, 1, 0, 2, 3], "int32"), 1) as tf.Tensor3D;
        for (const loss of all) {
          const value = numberOf(loss.loss(summary, local));
          expect(numberOf(loss.loss(s, l))).toBeCloseTo(value, 5);
          expect(numberOf(loss.loss(summary, places))).toBeCloseTo(value, 5);
          expect(Math.abs(numberOf(loss.loss(s, local)) - value)).toBeGreaterThan(1e-2);
        }
      });
    });

    test("scores of 1e4 are finite, loss and gradient", () => {
      tf.tidy(() => {
        const scores = tf.mul(normal("scores", [4, 4, 5]), 1e4);
        for (const loss of [jensenShannonLoss, scoreInfoNceLoss]) {
          const { value, grad } = tf.valueAndGrad((x) => loss(x as tf.Tensor3D))(scores);
          expect(Number.isFinite(value.dataSync()[0])).toBe(true);
          expect(grad.dataSync().every(Number.isFinite)).toBe(true);
        }
      });
    });

    test("nothing is left behind", async () => {
      const { summary, global, local } = inputs();
      for (const loss of all) {
        const leaked = await leakedTensors(() => {
          const { value, grad } = tf.valueAndGrad((s) => loss.loss(s as tf.Tensor2D, local))(summary);
          tf.dispose([value, grad]);
          loss.loss(summary, global).dispose();
        });
        expect(leaked).toBe(0);
      }
      expect(await leakedTensors(() => pairScores(summary, local))).toBe(1);
      tf.dispose([summary, global, local]);
    });
  });
}

describe("mutual information, bad input", () => {
  test("names the option or argument", () => {
    const estimator = "donsker-varadhan" as "info-nce";
    expect(() => infoMax({ estimator })).toThrow(/^estimator: expected "jensen-shannon" or "info-nce", got/);
    tf.tidy(() => {
      const { summary, local } = inputs();
      const other = tf.ones([3, 5, 3]) as tf.Tensor3D;
      expect(() => infoMax().loss(summary, other)).toThrow(
        /^others: expected \[4, 3\] or \[4, locations, 3\]/,
      );
      expect(() => infoMax().loss(local as unknown as tf.Tensor2D, local)).toThrow(/^summary: /);
      expect(() => infoMax().loss(tf.ones([1, 3]), tf.ones<tf.Rank.R2>([1, 3]))).toThrow(
        /with 2 images or more/,
      );
      expect(() => jensenShannonLoss(tf.ones([4, 3, 1]))).toThrow(SitError);
    });
  });
});
