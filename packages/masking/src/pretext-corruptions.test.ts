import { randomStream } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { centralHole, grayscale } from "./index.js";

const rng = randomStream(0);
const drawn = (shape: [number, number, number, number]): tf.Tensor4D => {
  const values = new Float32Array(shape.reduce((a, b) => a * b));
  return tf.tensor4d(randomStream(3, "image").fillNormal(values), shape);
};

for (const engine of await engines({ cpu: true })) {
  describe(`pretext corruptions on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("a hole of half the side in the middle: zeros inside, the image outside", () => {
      tf.tidy(() => {
        const clean = drawn([2, 8, 12, 3]);
        const { images, mask } = centralHole().corrupt(clean, rng);
        expect(mask.shape).toEqual([2, 8, 12, 1]);
        const [before, after, hidden] = [clean.arraySync(), images.arraySync(), mask.arraySync()];
        for (let i = 0; i < 2; i++) {
          for (let y = 0; y < 8; y++) {
            for (let x = 0; x < 12; x++) {
              const inside = y >= 2 && y < 6 && x >= 4 && x < 8;
              expect(hidden[i]?.[y]?.[x]).toEqual([inside ? 1 : 0]);
              const wanted = inside ? [0, 0, 0] : before[i]?.[y]?.[x];
              expect(after[i]?.[y]?.[x]?.map((v) => v + 0)).toEqual(wanted); // -0 is 0
            }
          }
        }
      });
    });

    test.each([
      [1, 7, 49],
      [0.01, 7, 1],
      [0.5, 7, 16], // 3.5 rounds to 4
    ])("a side of %s of %s pixels: %s pixels", (side, size, expected) => {
      tf.tidy(() => {
        const { mask } = centralHole({ side }).corrupt(drawn([1, size, size, 1]), rng);
        expect(tf.sum(mask).dataSync()[0]).toBe(expected);
      });
    });

    test("grey: the brightness of each pixel in every channel, normalised as that channel is", () => {
      tf.tidy(() => {
        const clean = drawn([2, 3, 4, 3]);
        for (const options of [{}, { mean: [0.49, 0.48, 0.45], deviation: [0.25, 0.24, 0.26] }] as const) {
          const { mean = [0, 0, 0], deviation = [1, 1, 1] } = options as {
            mean?: number[];
            deviation?: number[];
          };
          const { images, mask } = grayscale(options).corrupt(clean, rng);
          expect(mask.shape).toEqual([2, 3, 4, 1]);
          expect(mask.dataSync().every((v) => v === 1)).toBe(true);
          const [before, after] = [clean.dataSync(), images.dataSync()];
          for (let pixel = 0; pixel < before.length; pixel += 3) {
            const colour = [0, 1, 2].map(
              (c) => (before[pixel + c] as number) * (deviation[c] as number) + (mean[c] as number),
            ) as [number, number, number];
            const gray = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
            for (let c = 0; c < 3; c++) {
              const wanted = (gray - (mean[c] as number)) / (deviation[c] as number);
              expect(after[pixel + c]).toBeCloseTo(wanted, 4);
            }
          }
        }
      });
    });

    test("grey once is grey for good", () => {
      tf.tidy(() => {
        const corruption = grayscale({ mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.25] });
        const once = corruption.corrupt(drawn([1, 4, 4, 3]), rng).images;
        const twice = corruption.corrupt(once, rng).images;
        const apart = tf.max(tf.abs(tf.sub(once, twice))).dataSync()[0];
        expect(apart).toBeLessThan(1e-5);
      });
    });
  });
}

describe("pretext corruptions, bad input", () => {
  test("names the option or argument", () => {
    expect(() => centralHole({ side: 0 })).toThrow(/^side: expected a share above 0 and at most 1, got 0/);
    expect(() => grayscale({ mean: [0, 0, Number.NaN] })).toThrow(/^mean: expected three finite numbers/);
    expect(() => grayscale({ deviation: [1, 0, 1] })).toThrow(/^deviation: .* above 0/);
    tf.tidy(() => {
      const flat = tf.zeros([4, 4]) as unknown as tf.Tensor4D;
      expect(() => centralHole().corrupt(flat, rng)).toThrow(/^images: /);
      const one = tf.zeros([1, 4, 4, 1]) as tf.Tensor4D;
      expect(() => grayscale().corrupt(one, rng)).toThrow(/^images: expected 3 channels to make grey, got 1/);
    });
  });
});
