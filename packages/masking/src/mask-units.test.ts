import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { reversedForks } from "../test/streams.js";
import { type MaskUnitsOptions, randomMaskUnits } from "./index.js";

const small = { batch: 3, height: 32, width: 48, patchSize: 4, unitSize: 8, ratio: 0.5 };

function masksOf(options: MaskUnitsOptions, seed = 0) {
  return tf.tidy(() => {
    const { patches, pixels } = randomMaskUnits(options, randomStream(seed, "mask"));
    return {
      patches: patches.arraySync(),
      pixels: pixels.arraySync(),
      shapes: [patches.shape, pixels.shape],
    };
  });
}

const share = (rows: readonly (readonly number[])[]): number => {
  const values = rows.flat();
  return values.reduce((a, b) => a + b, 0) / values.length;
};

for (const engine of await engines({ cpu: true })) {
  describe(`mask units on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("whole squares, the same at both resolutions", () => {
      const { patches, pixels, shapes } = masksOf(small);
      expect(shapes).toEqual([
        [3, 8, 12],
        [3, 32, 48, 1],
      ]);
      for (let image = 0; image < 3; image++) {
        for (let y = 0; y < 32; y++) {
          for (let x = 0; x < 48; x++) {
            const value = pixels[image]?.[y]?.[x]?.[0];
            expect(value).toBe(patches[image]?.[Math.floor(y / 4)]?.[Math.floor(x / 4)]);
            expect(value).toBe(pixels[image]?.[y - (y % 8)]?.[x - (x % 8)]?.[0]);
          }
        }
        expect(share(patches[image] as number[][])).toBe(0.5);
      }
    });

    test("two tensors for the caller, nothing else left behind", async () => {
      expect(await leakedTensors(() => randomMaskUnits(small, randomStream(0)))).toBe(2);
    });
  });
}

describe("mask units", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  test.each([
    [0.6, 30], // of 49: 29.4
    [0, 0],
    [0.01, 1],
    [1, 49],
  ])("SimMIM's size, a ratio of %s: %s of 49 squares", (ratio, expected) => {
    const { patches } = masksOf({ batch: 1, height: 224, width: 224, patchSize: 16, ratio });
    expect(share(patches[0] as number[][])).toBeCloseTo(expected / 49, 10);
  });

  test("the same seed, 0 too, gives the same; an image's mask does not depend on the batch", () => {
    expect(masksOf(small)).toEqual(masksOf(small));
    expect(masksOf(small).patches).not.toEqual(masksOf(small, 1).patches);
    expect(masksOf({ ...small, batch: 6 }).patches.slice(0, 3)).toEqual(masksOf(small).patches);
    expect(new Set(masksOf({ ...small, batch: 6 }).patches.map(String)).size).toBe(6);
  });

  test("an image draws from its own fork of the stream alone", () => {
    tf.tidy(() => {
      const { patches } = randomMaskUnits(small, randomStream(4));
      const turned = randomMaskUnits(small, reversedForks(4, 3)).patches;
      expect(turned.arraySync()).toEqual(patches.arraySync().reverse());
    });
  });

  test("every square is masked equally often", () => {
    const draws = 3000;
    const { patches } = masksOf({
      batch: draws,
      height: 12,
      width: 16,
      patchSize: 4,
      unitSize: 4,
      ratio: 0.5,
    });
    const deviation = Math.sqrt(0.25 / draws);
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 4; column++) {
        const hits = patches.reduce((sum, image) => sum + (image[row]?.[column] as number), 0);
        expect(Math.abs(hits / draws - 0.5)).toBeLessThan(5 * deviation);
      }
    }
  });

  test.each([
    [{ ratio: 1.1 }, /^ratio: expected a share from 0 to 1, got 1.1/],
    [{ batch: 0 }, /^batch: expected a whole number, at least 1, got 0/],
    [{ patchSize: 3 }, /^unitSize: expected a multiple of the patch size 3, got 8/],
    [{ height: 36 }, /^unitSize: expected an image with sides that 8 divides, got 36 x 48/],
  ])("%j is an error", (options, message) => {
    expect(() => randomMaskUnits({ ...small, ...options }, randomStream(0))).toThrow(message);
    expect(() => randomMaskUnits({ ...small, ...options }, randomStream(0))).toThrow(SitError);
  });
});
