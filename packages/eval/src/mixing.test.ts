import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type MixDraw, type MixingOptions, mixing } from "./mixing.js";

const sides = { height: 12, width: 9 };
/** What is drawn for so many batches. */
const drawn = (options: MixingOptions, batches: number, of = sides): MixDraw[] => {
  const { draw } = mixing(options);
  return Array.from({ length: batches }, (_, step) => draw(of, randomStream(0, "step", step)));
};
const shareOf = (draws: readonly MixDraw[], kind: MixDraw["kind"]) =>
  draws.filter((draw) => draw.kind === kind).length / draws.length;

describe("what is drawn for a batch", () => {
  it("is one of both by the switch's probability, and nothing by the rest of the other", () => {
    const N = 4000;
    const error = 5 * Math.sqrt(0.25 / N);
    expect(Math.abs(shareOf(drawn({}, N), "cutmix") - 0.5)).toBeLessThan(error);
    expect(shareOf(drawn({}, N), "none")).toBe(0);
    const some = drawn({ probability: 0.3, switchProbability: 0.2 }, N);
    expect(Math.abs(shareOf(some, "none") - 0.7)).toBeLessThan(error);
    expect(Math.abs(shareOf(some, "cutmix") - 0.3 * 0.2)).toBeLessThan(error);
    expect(shareOf(drawn({ cutmix: 0 }, 100), "mixup")).toBe(1);
    expect(shareOf(drawn({ mixup: 0, switchProbability: 0 }, 100), "cutmix")).toBe(1);
  });

  it("has shares of the beta distribution: mean one half, variance 1 / (4 (2 alpha + 1))", () => {
    for (const alpha of [0.8, 2]) {
      const shares = drawn({ mixup: alpha, cutmix: 0 }, 8000).map(({ share }) => share);
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
      const expected = 1 / (4 * (2 * alpha + 1));
      expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(expected / shares.length));
      expect(variance).toBeGreaterThan(0.94 * expected);
      expect(variance).toBeLessThan(1.06 * expected);
    }
  });

  it("has boxes in the image, of its aspect, anywhere, and the share of the pixels outside", () => {
    const of = { height: 40, width: 20 };
    const seen = new Set<number>();
    for (const draw of drawn({ mixup: 0 }, 500, of)) {
      if (draw.kind !== "cutmix") throw new Error("expected a box");
      const { top, left, bottom, right } = draw.box;
      expect([top, left, of.height - bottom, of.width - right].every((value) => value >= 0)).toBe(true);
      expect(draw.share).toBe(1 - ((bottom - top) * (right - left)) / 800);
      const cut = top > 0 && left > 0 && bottom < 40 && right < 20;
      // Halves of both sides are truncated to whole pixels.
      if (cut) expect(Math.abs(bottom - top - 2 * (right - left))).toBeLessThanOrEqual(4);
      seen.add(top);
    }
    expect(seen.size).toBeGreaterThan(30);
  });

  it.each<[MixingOptions, string]>([
    [{ mixup: -0.1 }, "mixing.mixup: expected a number of at least 0"],
    [{ cutmix: Number.NaN }, "mixing.cutmix: expected a number of at least 0"],
    [{ mixup: 0, cutmix: 0 }, "mixing: expected mixup or cutmix above 0"],
    [{ probability: 1.1 }, "mixing.probability: expected a number from 0 to 1"],
    [{ switchProbability: -1 }, "mixing.switchProbability: expected a number from 0 to 1"],
  ])("is refused for %j", (options, message) => {
    expect(() => mixing(options)).toThrow(SitError);
    expect(() => mixing(options)).toThrow(message);
  });
});

for (const engine of await engines()) {
  describe(`a mixed batch on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    /** Image `i` is all `i`, its target class `i`: so pixels and targets say whose they are. */
    const batch = (count: number) => ({
      images: tf.tensor4d(
        Float32Array.from({ length: count * 12 * 9 * 2 }, (_, i) => Math.floor(i / (12 * 9 * 2))),
        [count, 12, 9, 2],
      ),
      targets: tf.tensor2d(
        Float32Array.from({ length: count * count }, (_, i) => Number(i % (count + 1) === 0)),
        [count, count],
      ),
    });
    const mixedOf = (options: MixingOptions, step: number, count = 4) => {
      const { images, targets } = batch(count);
      const rng = () => randomStream(0, "step", step);
      const draw = mixing(options).draw(sides, rng());
      const mixed = mixing(options).mix(images, targets, rng());
      const found = { draw, pixels: mixed.images.dataSync(), rows: mixed.targets.dataSync() };
      tf.dispose([images, targets, mixed.images, mixed.targets]);
      return found;
    };

    it("by CutMix has a target's mass that is exactly its share of the pixels", () => {
      for (let step = 0; step < 20; step++) {
        const { draw, pixels, rows } = mixedOf({ mixup: 0 }, step);
        for (let row = 0; row < 4; row++) {
          const own = pixels.subarray(row * 216, (row + 1) * 216);
          for (let from = 0; from < 4; from++) {
            const share = own.filter((value) => value === from).length / 216;
            expect(rows[row * 4 + from]).toBe(Math.fround(share));
          }
          expect(own.every((value) => value === row || value === 3 - row)).toBe(true);
          expect(rows[row * 4 + row]).toBe(Math.fround(draw.share));
        }
      }
    });

    it("by MixUp is the weighted sum of both images, and of their targets", () => {
      const { draw, pixels, rows } = mixedOf({ cutmix: 0 }, 3);
      expect(draw.share).toBeGreaterThan(0);
      expect(draw.share).toBeLessThan(1);
      for (let row = 0; row < 4; row++) {
        const expected = row * draw.share + (3 - row) * (1 - draw.share);
        for (const value of pixels.subarray(row * 216, (row + 1) * 216))
          expect(value).toBeCloseTo(expected, 5);
        expect(rows[row * 4 + row]).toBeCloseTo(draw.share, 6);
        expect(rows[row * 4 + 3 - row]).toBeCloseTo(1 - draw.share, 6);
      }
    });

    it("leaves the middle of an odd batch as it is", () => {
      for (const options of [{ cutmix: 0 }, { mixup: 0 }]) {
        const { pixels, rows } = mixedOf(options, 5, 3);
        for (const value of pixels.subarray(216, 432)) expect(value).toBeCloseTo(1, 6);
        expect(Array.from(rows.subarray(3, 6), (value) => Math.round(value * 1e6) / 1e6)).toEqual([0, 1, 0]);
      }
    });

    it("takes soft targets, several of a row too, and keeps their mass", () => {
      const { images } = batch(2);
      const targets = tf.tensor2d([1, 1, 0, 0.5, 0, 0.25], [2, 3]);
      const rng = () => randomStream(9);
      const { share } = mixing().draw(sides, rng());
      const mixed = mixing().mix(images, targets, rng());
      const rest = 1 - share;
      const expected = [share + 0.5 * rest, share, 0.25 * rest, 0.5 * share + rest, rest, 0.25 * share];
      Array.from(mixed.targets.dataSync()).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i] as number, 6);
      });
      tf.dispose([images, targets, mixed.images, mixed.targets]);
    });

    it("is the batch itself where nothing is mixed, and leaves no tensor", async () => {
      const { images, targets } = batch(2);
      const leaked = await leakedTensors(() => {
        for (const probability of [0, 1]) {
          const mixed = mixing({ probability }).mix(images, targets, randomStream(1));
          if (probability === 0) expect(mixed.images.dataSync()).toEqual(images.dataSync());
          tf.dispose([mixed.images, mixed.targets]);
        }
      });
      expect(leaked).toBe(0);
      const wrong = () => mixing().mix(images, tf.ones([3, 2]) as tf.Tensor2D, randomStream(1));
      expect(() => tf.tidy(() => void wrong())).toThrow("targets: expected [2, classes], got [3, 2]");
      tf.dispose([images, targets]);
    });
  });
}
