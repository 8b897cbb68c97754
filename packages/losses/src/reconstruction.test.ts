import { randomStream, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { maskedL1, maskedL2 } from "./index.js";

const shape: [number, number, number, number] = [2, 3, 4, 2];

function images(name: string): tf.Tensor4D {
  return tf.tensor4d(randomStream(11, name).fillNormal(new Float32Array(48)), shape);
}

/** Masks seven pixels of the first image and two of the second. */
function unevenMask(): tf.Tensor4D {
  const mask = new Float32Array(24);
  for (const pixel of [0, 1, 2, 5, 6, 9, 11, 12, 20]) mask[pixel] = 1;
  return tf.tensor4d(mask, [2, 3, 4, 1]);
}

const value = (loss: tf.Scalar): number => {
  const number = loss.dataSync()[0] as number;
  loss.dispose();
  return number;
};

for (const engine of await engines({ cpu: true })) {
  describe(`reconstruction losses on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("mean over channels x masked pixels of the whole batch, or over everything", () => {
      const [a, b, mask] = [images("a"), images("b"), unevenMask()];
      const [left, right, chosen] = [a.dataSync(), b.dataSync(), mask.dataSync()];
      const mean = (penalty: (d: number) => number, counts: (pixel: number) => boolean) => {
        let [sum, count] = [0, 0];
        left.forEach((v, i) => {
          if (!counts(Math.floor(i / 2))) return;
          sum += penalty(v - (right[i] as number));
          count++;
        });
        return sum / count;
      };
      const masked = (pixel: number) => chosen[pixel] === 1;
      const square = (d: number) => d * d;
      expect(value(maskedL1().loss(a, b, mask))).toBeCloseTo(mean(Math.abs, masked), 5);
      expect(value(maskedL2().loss(a, b, mask))).toBeCloseTo(mean(square, masked), 5);
      expect(value(maskedL1({ over: "all" }).loss(a, b, mask))).toBeCloseTo(
        mean(Math.abs, () => true),
        5,
      );
      expect(value(maskedL2({ over: "all" }).loss(a, b, mask))).toBeCloseTo(
        mean(square, () => true),
        5,
      );
      tf.dispose([a, b, mask]);
    });

    test("nothing masked: the loss and its gradient are 0, not NaN", () => {
      const [a, b] = [images("a"), images("b")];
      const none = tf.zeros([2, 3, 4, 1]) as tf.Tensor4D;
      for (const loss of [maskedL1(), maskedL2()]) {
        const { value: result, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor4D, b, none))(a);
        expect(result.dataSync()[0]).toBe(0);
        expect(Array.from(grad.dataSync()).every((g) => g === 0)).toBe(true);
        tf.dispose([result, grad]);
      }
      tf.dispose([a, b, none]);
    });

    test("equal images: no loss, no gradient", () => {
      const [a, mask] = [images("a"), unevenMask()];
      for (const loss of [maskedL1(), maskedL2(), maskedL1({ over: "all" })]) {
        const { value: result, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor4D, a, mask))(a);
        expect(result.dataSync()[0]).toBe(0);
        expect(Array.from(grad.dataSync()).every((g) => g === 0)).toBe(true);
        tf.dispose([result, grad]);
      }
      tf.dispose([a, mask]);
    });
  });
}

describe("reconstruction losses, bad input", () => {
  test("an unknown `over` is an error", () => {
    const over = "visible" as unknown as "all";
    for (const factory of [maskedL1, maskedL2]) {
      expect(() => factory({ over })).toThrow(/^over: expected "masked" or "all", got "visible"/);
    }
  });

  test("shapes name the argument", () => {
    const image = tf.ones([2, 3, 4, 2]) as tf.Tensor4D;
    const other = tf.ones([2, 4, 3, 2]) as tf.Tensor4D;
    const flat = tf.ones([2, 24]) as unknown as tf.Tensor4D;
    const mask = tf.ones([2, 3, 4, 1]) as tf.Tensor4D;
    const loss = maskedL1();
    expect(() => loss.loss(flat, flat, mask)).toThrow(SitError);
    expect(() => loss.loss(image, other, mask)).toThrow(
      /^clean: expected \[2, 3, 4, 2\], got \[2, 4, 3, 2\]/,
    );
    expect(() => loss.loss(image, image, image)).toThrow(
      /^mask: expected \[2, 3, 4, 1\], got \[2, 3, 4, 2\]/,
    );
    expect(() => maskedL2({ over: "all" }).loss(image, image, image)).toThrow(/^mask: expected/);
    tf.dispose([image, other, flat, mask]);
  });
});
