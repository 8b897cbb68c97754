import { type RandomStream, randomStream, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type GmmlOptions, gmml, noCorruption, randomPatches } from "./index.js";

type Size = [batch: number, height: number, width: number, channels: number];

/** Images whose values are all different and tell where they come from: their own index, from 1. */
function numbered(size: Size): tf.Tensor4D {
  const count = size.reduce((a, b) => a * b);
  return tf.tensor4d(
    Float32Array.from({ length: count }, (_, i) => i + 1),
    size,
  );
}

/** What a corruption makes of numbered images, on the host. */
function corrupted(options: GmmlOptions, size: Size, rng: RandomStream) {
  return tf.tidy(() => {
    const { images, mask } = gmml(options).corrupt(numbered(size), rng);
    expect(images.shape).toEqual(size);
    expect(mask.shape).toEqual([...size.slice(0, 3), 1]);
    expect([images.dtype, mask.dtype]).toEqual(["float32", "float32"]);
    return { values: images.dataSync() as Float32Array, mask: mask.dataSync() as Float32Array };
  });
}

/** Checks that clean pixels are untouched and gives every corrupted value with its place. */
function corruptedValues({ values, mask }: { values: Float32Array; mask: Float32Array }, channels: number) {
  const found: { index: number; value: number }[] = [];
  values.forEach((value, index) => {
    const masked = mask[Math.floor(index / channels)];
    if (masked === 1) found.push({ index, value });
    else if (masked !== 0 || value !== index + 1) throw new Error(`clean value ${index} became ${value}`);
  });
  return found;
}

const shareOf = (mask: Float32Array, image: number, pixels: number) =>
  mask.subarray(image * pixels, (image + 1) * pixels).reduce((a, b) => a + b, 0) / pixels;

for (const engine of await engines({ cpu: true })) {
  describe(`corruption on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("zeros: corrupted pixels are 0, all others untouched, 50 to 70 % of each image", () => {
      const result = corrupted({ zeros: {} }, [16, 20, 24, 3], randomStream(1));
      expect(corruptedValues(result, 3).every(({ value }) => value === 0)).toBe(true);
      for (let image = 0; image < 16; image++) {
        const share = shareOf(result.mask, image, 480);
        expect(share).toBeGreaterThanOrEqual(0.5);
        expect(share).toBeLessThanOrEqual(0.7 + 0.25 ** 2); // the last block may go past the target
      }
    });

    test("noise: standard normal, its own in every channel", () => {
      const result = corrupted({ noise: { ratio: 0.6 } }, [16, 32, 32, 3], randomStream(2));
      const noise = corruptedValues(result, 3);
      const n = noise.length;
      const mean = noise.reduce((sum, { value }) => sum + value, 0) / n;
      const square = noise.reduce((sum, { value }) => sum + value * value, 0) / n;
      expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
      expect(Math.abs(square - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
      // Channels 0 and 1 of a pixel are neighbours in the list.
      const product = noise.reduce(
        (sum, { index, value }, i) => sum + (index % 3 === 1 ? value * (noise[i - 1]?.value as number) : 0),
        0,
      );
      expect(Math.abs(product / (n / 3))).toBeLessThan(5 / Math.sqrt(n / 3));
    });

    test("replace: the same place of one other image", () => {
      const [batch, perImage] = [6, 16 * 16 * 2];
      const result = corrupted({ replace: { ratio: 0.4 } }, [batch, 16, 16, 2], randomStream(3));
      const donors = Array.from({ length: batch }, () => new Set<number>());
      for (const { index, value } of corruptedValues(result, 2)) {
        const source = value - 1;
        expect(source % perImage).toBe(index % perImage);
        donors[Math.floor(index / perImage)]?.add(Math.floor(source / perImage));
      }
      donors.forEach((from, image) => {
        expect(from.size).toBe(1);
        expect(from.has(image)).toBe(false);
      });
    });

    test("rand: another place of the same image, channel by channel, moved as a whole patch", () => {
      const [side, patch, perImage] = [16, 4, 16 * 16 * 2];
      const result = corrupted({ rand: {}, alignment: patch }, [4, side, side, 2], randomStream(4));
      const shifts = new Map<string, Set<string>>();
      for (const { index, value } of corruptedValues(result, 2)) {
        const source = value - 1;
        expect(Math.floor(source / perImage)).toBe(Math.floor(index / perImage));
        expect(source % 2).toBe(index % 2);
        expect(source).not.toBe(index);
        const [y, x] = [Math.floor((index % perImage) / 2 / side), Math.floor(index / 2) % side];
        const [fromY, fromX] = [Math.floor((source % perImage) / 2 / side), Math.floor(source / 2) % side];
        const key = [Math.floor(index / perImage), Math.floor(y / patch), Math.floor(x / patch)].join();
        const shift = [(fromY - y + side) % side, (fromX - x + side) % side];
        expect(shift.every((d) => d % patch === 0)).toBe(true);
        shifts.set(key, (shifts.get(key) ?? new Set()).add(shift.join()));
      }
      expect([...shifts.values()].every((of) => of.size === 1)).toBe(true);
      expect(new Set([...shifts.values()].flatMap((of) => [...of])).size).toBeGreaterThan(4);
    });

    test("all four kinds together: each image has one, each as often as the others", () => {
      const [batch, perImage] = [400, 8 * 8];
      const all = { zeros: {}, noise: {}, replace: {}, rand: {} };
      const kinds = new Map<string, number>();
      const result = corrupted(all, [batch, 8, 8, 1], randomStream(5));
      const ofImage = Array.from({ length: batch }, () => new Set<string>());
      for (const { index, value } of corruptedValues(result, 1)) {
        const image = Math.floor(index / perImage);
        const source = Math.floor((value - 1) / perImage);
        // Numbers of the first image could be noise: it is left out.
        if (image === 0) continue;
        const kind =
          value === 0 ? "zeros" : !Number.isInteger(value) ? "noise" : source === image ? "rand" : "replace";
        ofImage[image]?.add(kind);
      }
      for (const found of ofImage.slice(1)) {
        expect(found.size).toBe(1);
        for (const kind of found) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      // Binomial, 399 images at a quarter: five deviations.
      expect(kinds.size).toBe(4);
      for (const n of kinds.values())
        expect(Math.abs(n - 399 / 4)).toBeLessThan(5 * Math.sqrt((399 * 3) / 16));
    });

    test("the default is noise up to 70 % or replace up to 30 %, by a fair coin", () => {
      const [batch, pixels] = [300, 16 * 16];
      const result = corrupted({}, [batch, 16, 16, 1], randomStream(6));
      const replaced = Array.from({ length: batch }, (_, i) => shareOf(result.mask, i, pixels) < 0.45);
      const count = replaced.filter(Boolean).length;
      expect(Math.abs(count - batch / 2)).toBeLessThan(5 * Math.sqrt(batch / 4));
      const explicit = { noise: { ratio: 0.7 }, replace: { ratio: 0.3 } };
      const named = corrupted(explicit, [batch, 16, 16, 1], randomStream(6));
      expect(named.values.every((v, i) => v === result.values[i])).toBe(true);
    });

    test("the same stream, the same result; an image's own draw does not depend on the batch around it", () => {
      const small = corrupted({ noise: {} }, [3, 12, 12, 2], randomStream(0, "corruption", 7));
      const again = corrupted({ noise: {} }, [3, 12, 12, 2], randomStream(0, "corruption", 7));
      const large = corrupted({ noise: {} }, [5, 12, 12, 2], randomStream(0, "corruption", 7));
      const other = corrupted({ noise: {} }, [3, 12, 12, 2], randomStream(0, "corruption", 8));
      expect(again).toEqual(small);
      expect(large.mask.slice(0, 3 * 144)).toEqual(small.mask);
      expect(large.values.slice(0, 3 * 288)).toEqual(small.values);
      expect(other.mask).not.toEqual(small.mask);
      expect(small.mask.slice(0, 144)).not.toEqual(small.mask.slice(144, 288));
    });

    test("randomPatches: whole patches of zeros, the same number in every image, every one as likely", () => {
      const [batch, side, patch] = [200, 16, 4];
      const hits = new Float64Array(16);
      tf.tidy(() => {
        const { images, mask } = randomPatches({ patchSize: patch, ratio: 0.6 }).corrupt(
          numbered([batch, side, side, 1]),
          randomStream(8),
        );
        const values = { values: images.dataSync() as Float32Array, mask: mask.dataSync() as Float32Array };
        expect(corruptedValues(values, 1).every(({ value }) => value === 0)).toBe(true);
        for (let image = 0; image < batch; image++) {
          let patches = 0;
          for (let p = 0; p < 16; p++) {
            const inside = Array.from({ length: patch * patch }, (_, i) => {
              const y = Math.floor(p / 4) * patch + Math.floor(i / patch);
              return values.mask[(image * side + y) * side + (p % 4) * patch + (i % patch)] as number;
            });
            expect(new Set(inside).size).toBe(1);
            patches += inside[0] as number;
            hits[p] = (hits[p] as number) + (inside[0] as number);
          }
          expect(patches).toBe(10); // round(0.6 x 16)
        }
      });
      const likely = 10 / 16;
      for (const n of hits) {
        expect(Math.abs(n - batch * likely)).toBeLessThan(5 * Math.sqrt(batch * likely * (1 - likely)));
      }
    });

    test("noCorruption: the same values, in a tensor of their own, and an empty mask", () => {
      const images = numbered([2, 3, 4, 3]);
      const result = noCorruption().corrupt(images, randomStream(0));
      expect(result.images.dataSync()).toEqual(images.dataSync());
      expect(result.mask.shape).toEqual([2, 3, 4, 1]);
      expect(result.mask.dataSync().every((v) => v === 0)).toBe(true);
      result.images.dispose();
      expect(images.isDisposed).toBe(false);
      expect(images.dataSync()[5]).toBe(6);
      tf.dispose([images, result.mask]);
    });
  });
}

describe("coverage of whole batches", () => {
  test("reaches the last row and column", async () => {
    await tf.setBackend("cpu");
    const { mask } = corrupted({ zeros: {} }, [64, 12, 12, 1], randomStream(10));
    const last = mask.filter((_, i) => Math.floor(i / 12) % 12 === 11 || i % 12 === 11);
    expect(last.reduce((a, b) => a + b, 0) / last.length).toBeGreaterThan(0.5);
  });
});

describe("corruption, bad input", () => {
  const image = (size: Size) => tf.zeros(size) as tf.Tensor4D;

  test.each<[GmmlOptions, RegExp]>([
    [{ noise: { ratio: 0 } }, /^noise.ratio: expected a share above 0 and at most 1, got 0/],
    [{ replace: { ratio: 2 } }, /^replace.ratio: /],
    [
      { zeros: { ratio: 0.3, minimumRatio: 0.5 } },
      /^zeros.minimumRatio: expected a share from 0 to 0.3, got 0.5/,
    ],
    [{ blocks: { minimum: 0.3, maximum: 0.1 } }, /^blocks.minimum: /],
    [{ alignment: -1 }, /^alignment: /],
    [{ blur: {} } as GmmlOptions, /^gmml: expected options among zeros, noise, .*, got "blur"/],
  ])("%j is an error", (options, message) => {
    expect(() => gmml(options)).toThrow(message);
    expect(() => gmml(options)).toThrow(SitError);
  });

  test("images that cannot be corrupted so", () => {
    tf.tidy(() => {
      const rng = randomStream(0);
      const flat = tf.zeros([4, 64]) as unknown as tf.Tensor4D;
      const batchOfOne = image([1, 8, 8, 1]);
      expect(() => gmml().corrupt(flat, rng)).toThrow(
        /^images: expected \[batch, height, width, channels\], got \[4, 64\]/,
      );
      expect(() => gmml({ alignment: 3 }).corrupt(batchOfOne, rng)).toThrow(
        /^alignment: .* 3 divides, got 8 x 8/,
      );
      expect(() => gmml({ replace: {} }).corrupt(batchOfOne, rng)).toThrow(
        /^replace: expected a batch of at least 2 images, got 1/,
      );
      expect(() => gmml({ rand: {}, alignment: 8 }).corrupt(batchOfOne, rng)).toThrow(
        /^rand: expected an image larger/,
      );
      expect(() => randomPatches({ patchSize: 3 }).corrupt(batchOfOne, rng)).toThrow(
        /^patchSize: .* 3 divides/,
      );
      expect(() => noCorruption().corrupt(flat, rng)).toThrow(/^images: /);
    });
  });

  test("patchSize and ratio of randomPatches", () => {
    expect(() => randomPatches({ patchSize: 0 })).toThrow(/^patchSize: expected a whole number of pixels/);
    expect(() => randomPatches({ patchSize: 4, ratio: 1.5 })).toThrow(
      /^ratio: expected a share from 0 to 1, got 1.5/,
    );
  });
});
