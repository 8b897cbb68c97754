import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { reversedForks } from "../test/streams.js";
import { randomVisiblePatches, visiblePatchesFromNoise } from "./index.js";

for (const engine of await engines({ cpu: true })) {
  describe(`visible patches on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("from the reference's noise: its order, its mask (fixture mae)", () => {
      const fixture = loadFixture("mae");
      tf.tidy(() => {
        const noise = fixture.entry("in/noise").data as Float32Array;
        const found = visiblePatchesFromNoise(noise, { batch: 3, patches: 16, ratio: 0.75 });
        const order = fixture.entry("out/ids_shuffle").data as Int32Array;
        const kept = [0, 16, 32].flatMap((first) => Array.from(order.slice(first, first + 4)));
        expect([found.visible.dtype, found.restore.dtype, found.mask.dtype]).toEqual([
          "int32",
          "int32",
          "float32",
        ]);
        expect(found.visible.shape).toEqual([3, 4]);
        expect(Array.from(found.visible.dataSync())).toEqual(kept);
        expect(found.restore.shape).toEqual([3, 16]);
        expect(Array.from(found.restore.dataSync())).toEqual(
          Array.from(fixture.entry("out/ids_restore").data as Int32Array),
        );
        expect(found.mask.shape).toEqual([3, 16]);
        expect(Array.from(found.mask.dataSync())).toEqual(
          Array.from(fixture.entry("out/mask").data as Float32Array),
        );
      });
    });

    test("visible, then hidden ones, gathered by restore: every patch in its place", () => {
      tf.tidy(() => {
        const options = { batch: 5, patches: 12, ratio: 0.6 };
        const { visible, restore, mask } = randomVisiblePatches(options, randomStream(0, "mask"));
        const [seen, places, hidden] = [visible.arraySync(), restore.arraySync(), mask.arraySync()];
        for (let image = 0; image < 5; image++) {
          const row = [...(seen[image] as number[]), ...Array(8).fill(-1)]; // int(12 x 0.4) = 4 visible
          expect(row.length).toBe(12);
          const back = (places[image] as number[]).map((place) => row[place]);
          expect(back).toEqual(back.map((_, patch) => (hidden[image]?.[patch] === 1 ? -1 : patch)));
          expect(hidden[image]?.filter((v) => v === 1).length).toBe(8);
        }
      });
    });

    test("three tensors for the caller, nothing else left behind", async () => {
      const leaked = await leakedTensors(() =>
        randomVisiblePatches({ batch: 2, patches: 16 }, randomStream(0)),
      );
      expect(leaked).toBe(3);
    });
  });
}

describe("visible patches", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  const visibleOf = (batch: number, patches: number, ratio: number, seed = 0): number[][] =>
    tf.tidy(() =>
      randomVisiblePatches({ batch, patches, ratio }, randomStream(seed, "mask")).visible.arraySync(),
    );

  test.each([
    [196, 0.75, 49],
    [64, 0.75, 16],
    [16, 0.6, 6],
    [10, 0.3, 7],
    [7, 0, 7],
  ])("%s patches with a ratio of %s leave %s visible", (patches, ratio, expected) => {
    expect(visibleOf(1, patches, ratio)[0]?.length).toBe(expected);
  });

  test("the same seed, 0 too, gives the same; an image's mask does not depend on the batch", () => {
    expect(visibleOf(3, 20, 0.5)).toEqual(visibleOf(3, 20, 0.5));
    expect(visibleOf(3, 20, 0.5)).not.toEqual(visibleOf(3, 20, 0.5, 1));
    expect(visibleOf(8, 20, 0.5).slice(0, 3)).toEqual(visibleOf(3, 20, 0.5));
    expect(new Set(visibleOf(8, 20, 0.5).map(String)).size).toBe(8);
  });

  test("an image draws from its own fork of the stream alone", () => {
    tf.tidy(() => {
      const options = { batch: 4, patches: 12 };
      const { visible } = randomVisiblePatches(options, randomStream(4));
      const turned = randomVisiblePatches(options, reversedForks(4, 4)).visible;
      expect(turned.arraySync()).toEqual(visible.arraySync().reverse());
    });
  });

  test("every patch is visible equally often", () => {
    const draws = 4000;
    const hits = new Float64Array(16);
    for (const row of visibleOf(draws, 16, 0.75))
      for (const patch of row) hits[patch] = (hits[patch] ?? 0) + 1;
    // Binomial with a chance of 1/4: of 16 patches, none is off by five deviations.
    const deviation = Math.sqrt((0.25 * 0.75) / draws);
    for (const n of hits) expect(Math.abs(n / draws - 0.25)).toBeLessThan(5 * deviation);
  });

  test("equal noise leaves the patches in order", () => {
    tf.tidy(() => {
      const found = visiblePatchesFromNoise(new Float32Array(8), { batch: 1, patches: 8, ratio: 0.5 });
      expect(Array.from(found.visible.dataSync())).toEqual([0, 1, 2, 3]);
    });
  });

  test.each([
    [{ batch: 0, patches: 16 }, /^batch: expected a whole number, at least 1, got 0/],
    [{ batch: 1, patches: 2.5 }, /^patches: /],
    [{ batch: 1, patches: 16, ratio: 1 }, /^ratio: expected a share from 0 to below 1, got 1/],
    [{ batch: 1, patches: 16, ratio: Number.NaN }, /^ratio: /],
    // As the official code counts: int(10 x (1 - 0.9)) is 0.
    [
      { batch: 1, patches: 10, ratio: 0.9 },
      /^ratio: expected a share that leaves one of 10 patches visible, got 0.9/,
    ],
  ])("%j is an error", (options, message) => {
    expect(() => randomVisiblePatches(options, randomStream(0))).toThrow(message);
    expect(() => randomVisiblePatches(options, randomStream(0))).toThrow(SitError);
  });

  test("noise of another length is an error", () => {
    const options = { batch: 2, patches: 16 };
    expect(() => visiblePatchesFromNoise(new Float32Array(31), options)).toThrow(
      /^noise: expected 2 x 16 values, got 31/,
    );
  });
});
