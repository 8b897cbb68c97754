import { type RandomStream, randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { reversedForks } from "../test/streams.js";
import { jigsaw, jigsawPermutations, type RelativePositionOptions, relativePosition } from "./index.js";

/** Every value is its own place: (image x height + row) x width + column, and minus that in a second channel. */
function placed(batch: number, height: number, width: number): tf.Tensor4D {
  return tf.tidy(() => {
    const places = tf.reshape(tf.range(0, batch * height * width), [batch, height, width, 1]);
    return tf.concat([places, tf.neg(places)], 3) as tf.Tensor4D;
  });
}

type Tile = number[][][];

/** Where a tile was cut: expects all of it to be one piece of one image. */
function cornerOf(tile: Tile, height: number, width: number) {
  const first = tile[0]?.[0]?.[0] as number;
  const at = {
    image: Math.floor(first / (height * width)),
    top: Math.floor(first / width) % height,
    left: first % width,
  };
  const piece = tile.map((row, y) =>
    row.map((_, x) => [first + y * width + x, -(first + y * width + x)].map((v) => v + 0)),
  );
  expect(tile.map((row) => row.map((pixel) => pixel.map((v) => v + 0)))).toEqual(piece);
  expect(at.left + (tile[0]?.length as number)).toBeLessThanOrEqual(width);
  expect(at.top + tile.length).toBeLessThanOrEqual(height);
  return at;
}

const permutations = jigsawPermutations(6, 4);

for (const engine of await engines({ cpu: true })) {
  describe(`tiles on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("jigsaw without a gap: the tiles in the order of the label", () => {
      tf.tidy(() => {
        const { tiles, labels } = jigsaw(placed(5, 7, 8), { permutations, rows: 2, gap: 0 }, randomStream(0));
        expect(tiles.shape).toEqual([5, 4, 3, 4, 2]); // the seventh row is over
        expect(labels.dtype).toBe("int32");
        const classes = labels.dataSync();
        for (const [image, row] of (tiles.arraySync() as Tile[][]).entries()) {
          for (const [place, tile] of row.entries()) {
            const from = permutations[classes[image] as number]?.[place] as number;
            const at = cornerOf(tile, 7, 8);
            expect(at).toEqual({ image, top: 3 * Math.floor(from / 2), left: 4 * (from % 2) });
          }
        }
      });
    });

    test("jigsaw with gap and jitter: smaller tiles, anywhere in their cells", () => {
      tf.tidy(() => {
        const options = { permutations, rows: 2, gap: 4, jitter: 2 };
        const { tiles, labels } = jigsaw(placed(40, 20, 20), options, randomStream(0));
        expect(tiles.shape).toEqual([40, 4, 6, 6, 2]);
        const classes = labels.dataSync();
        const [tops, lefts] = [new Set<number>(), new Set<number>()];
        for (const [image, row] of (tiles.arraySync() as Tile[][]).entries()) {
          for (const [place, tile] of row.entries()) {
            const from = permutations[classes[image] as number]?.[place] as number;
            const at = cornerOf(tile, 20, 20);
            expect(at.image).toBe(image);
            tops.add(at.top - 10 * Math.floor(from / 2));
            lefts.add(at.left - 10 * (from % 2));
          }
        }
        for (const offsets of [tops, lefts]) expect([...offsets].sort()).toEqual([0, 1, 2, 3, 4]);
      });
    });

    test("jigsaw's own choice: 64 of 75 pixels of a cell, as in the paper; without jitter in the middle", () => {
      tf.tidy(() => {
        const nine = jigsawPermutations(1);
        expect(jigsaw(placed(1, 225, 225), { permutations: nine }, randomStream(0)).tiles.shape).toEqual([
          1, 9, 64, 64, 2,
        ]);
        const still = { permutations: nine, gap: 2, jitter: 0 };
        const { tiles } = jigsaw(placed(1, 15, 15), still, randomStream(0));
        const corners = (tiles.arraySync() as Tile[][])[0]?.map((tile) => cornerOf(tile, 15, 15));
        expect(corners).toEqual(
          Array.from({ length: 9 }, (_, i) => ({
            image: 0,
            top: 5 * Math.floor(i / 3) + 1,
            left: 5 * (i % 3) + 1,
          })),
        );
      });
    });

    test.each<RelativePositionOptions & { side: number }>([
      { side: 32, patchSize: 6 },
      { side: 20, patchSize: 4, gap: 2, jitter: 2 },
      { side: 12, patchSize: 4, gap: 0 }, // just one place for the middle
    ])("relative position: the label is where the other patch was (%j)", ({ side, ...options }) => {
      tf.tidy(() => {
        const {
          patchSize,
          gap = 3,
          jitter = options.gap === 0 ? 0 : Math.round((7 * patchSize) / 96),
        } = options;
        const { tiles, labels } = relativePosition(placed(60, side, side), options, randomStream(0));
        expect(tiles.shape).toEqual([60, 2, patchSize, patchSize, 2]);
        const step = patchSize + gap;
        const places = [
          [-1, -1],
          [-1, 0],
          [-1, 1],
          [0, -1],
          [0, 1],
          [1, -1],
          [1, 0],
          [1, 1],
        ] as const;
        const moves = new Set<number>();
        for (const [image, row] of (tiles.arraySync() as Tile[][]).entries()) {
          const [middle, other] = row.map((tile) => cornerOf(tile, side, side)) as [
            ReturnType<typeof cornerOf>,
            ReturnType<typeof cornerOf>,
          ];
          expect([middle.image, other.image]).toEqual([image, image]);
          const [down, right] = places[labels.dataSync()[image] as number] as readonly [number, number];
          const moved = [other.top - middle.top - down * step, other.left - middle.left - right * step];
          for (const move of moved) {
            expect(Math.abs(move)).toBeLessThanOrEqual(jitter);
            moves.add(move);
          }
        }
        expect(moves.size).toBe(2 * jitter + 1);
      });
    });

    test("the same seed gives the same, whatever the rest of the batch", () => {
      tf.tidy(() => {
        const images = placed(6, 16, 16);
        const few = images.slice([0], [2]);
        for (const cut of [
          (x: tf.Tensor4D, seed: number) => jigsaw(x, { permutations, rows: 2, gap: 4 }, randomStream(seed)),
          (x: tf.Tensor4D, seed: number) => relativePosition(x, { patchSize: 4, gap: 1 }, randomStream(seed)),
        ]) {
          const [all, again, first] = [cut(images, 0), cut(images, 0), cut(few, 0)];
          expect(all.tiles.arraySync()).toEqual(again.tiles.arraySync());
          expect(first.tiles.arraySync()).toEqual(all.tiles.slice([0], [2]).arraySync());
          expect(Array.from(first.labels.dataSync())).toEqual(Array.from(all.labels.dataSync().slice(0, 2)));
          expect(cut(images, 1).tiles.arraySync()).not.toEqual(all.tiles.arraySync());
        }
      });
    });

    test("two tensors for the caller, nothing else left behind", async () => {
      const images = placed(2, 16, 16);
      const rng = randomStream(0);
      expect(await leakedTensors(() => jigsaw(images, { permutations, rows: 2 }, rng))).toBe(2);
      expect(await leakedTensors(() => relativePosition(images, { patchSize: 4 }, rng))).toBe(2);
      images.dispose();
    });
  });
}

describe("tiles", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  test("all eight places, all orders equally likely", () => {
    tf.tidy(() => {
      const images = placed(4000, 6, 6);
      const eight = relativePosition(images, { patchSize: 2, gap: 0 }, randomStream(2)).labels.dataSync();
      const six = jigsaw(images, { permutations, rows: 2 }, randomStream(2)).labels.dataSync();
      for (const [labels, classes] of [
        [eight, 8],
        [six, 6],
      ] as const) {
        const chance = 1 / classes;
        for (let label = 0; label < classes; label++) {
          const found = labels.filter((l) => l === label).length / 4000;
          expect(Math.abs(found - chance)).toBeLessThan(5 * Math.sqrt((chance * (1 - chance)) / 4000));
        }
      }
    });
  });

  test("an image draws from its own fork of the stream alone", () => {
    tf.tidy(() => {
      const same = tf.tile(placed(1, 16, 16), [5, 1, 1, 1]) as tf.Tensor4D;
      for (const cut of [
        (rng: RandomStream) => jigsaw(same, { permutations, rows: 2, gap: 4 }, rng),
        (rng: RandomStream) => relativePosition(same, { patchSize: 4, gap: 1 }, rng),
      ]) {
        const [usual, turned] = [cut(randomStream(4)), cut(reversedForks(4, 5))];
        expect(turned.labels.arraySync()).toEqual(usual.labels.arraySync().reverse());
        expect(turned.tiles.arraySync()).toEqual((usual.tiles.arraySync() as unknown[]).reverse());
      }
    });
  });

  test("bad input names the option or argument", () => {
    tf.tidy(() => {
      const [images, rng] = [placed(1, 8, 8), randomStream(0)];
      const cut = (options: object) => () => jigsaw(images, { permutations, rows: 2, ...options }, rng);
      expect(cut({ rows: 1 })).toThrow(/^rows: expected a whole number, at least 2, got 1/);
      expect(cut({ rows: 3 })).toThrow(
        /^permutations: expected one or more orders of 0 to 8, got \[0,1,2,3\]/,
      );
      expect(cut({ permutations: [] })).toThrow(/^permutations: /);
      expect(cut({ permutations: [[0, 1, 2, 2]] })).toThrow(/^permutations: .* got \[0,1,2,2\]/);
      expect(cut({ gap: 1.5 })).toThrow(/^gap: expected a whole number of pixels, at least 0, got 1.5/);
      expect(cut({ gap: 2, jitter: 2 })).toThrow(/^jitter: expected a whole number of pixels, from 0 to 1/);
      expect(cut({ gap: 4 })).toThrow(/^images: expected room for 2 x 2 tiles with a gap of 4, got 8 x 8/);
      const pair = (options: RelativePositionOptions) => () => relativePosition(images, options, rng);
      expect(pair({ patchSize: 0 })).toThrow(/^patchSize: expected a whole number of pixels, at least 1/);
      expect(pair({ patchSize: 2, gap: 1, jitter: 2 })).toThrow(/^jitter: .* from 0 to 1, got 2/);
      expect(pair({ patchSize: 3 })).toThrow(/^images: expected sides of at least 13 for 3 x 3 patches of 3/);
      expect(pair({ patchSize: 3 })).toThrow(SitError);
    });
  });
});
