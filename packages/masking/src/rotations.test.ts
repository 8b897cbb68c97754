import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { reversedForks } from "../test/streams.js";
import { allRotations, randomRotations, rotateQuarterTurns } from "./index.js";

const numbered = (shape: [number, number, number, number]): tf.Tensor4D => {
  const size = shape.reduce((a, b) => a * b);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, i) => i),
    shape,
  );
};

type Pixels = number[][][];

/** A quarter turn counter-clockwise by its definition: row y of the result is the column from the right, as in numpy's rot90. */
const turned = (image: Pixels): Pixels =>
  image.map((row, y) => row.map((_, x) => image[x]?.[image.length - 1 - y] as number[]));

for (const engine of await engines({ cpu: true })) {
  describe(`rotations on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("a picture with its corner marked goes round counter-clockwise", () => {
      tf.tidy(() => {
        // 1 2    turned: 2 4
        // 3 4            1 3
        const image = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
        const at = (turns: number) => Array.from(rotateQuarterTurns(image, [turns]).dataSync());
        expect([0, 1, 2, 3].map(at)).toEqual([
          [1, 2, 3, 4],
          [2, 4, 1, 3],
          [4, 3, 2, 1],
          [3, 1, 4, 2],
        ]);
        expect(at(-1)).toEqual(at(3));
        expect(at(6)).toEqual(at(2));
      });
    });

    test("all four of each image, turn by turn, every channel", () => {
      tf.tidy(() => {
        const images = numbered([3, 5, 5, 2]);
        const { images: all, labels } = allRotations(images);
        expect(all.shape).toEqual([12, 5, 5, 2]);
        expect(labels.dtype).toBe("int32");
        expect(Array.from(labels.dataSync())).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
        let expected = images.arraySync() as Pixels[];
        const found = all.arraySync() as Pixels[];
        for (let turn = 0; turn < 4; turn++) {
          expect(found.slice(3 * turn, 3 * turn + 3)).toEqual(expected);
          expected = expected.map(turned);
        }
      });
    });

    test("random turns: the label says which; the same seed gives the same, whatever the batch", () => {
      tf.tidy(() => {
        const images = numbered([8, 4, 4, 1]);
        const { images: some, labels } = randomRotations(images, randomStream(0, "turns"));
        const turns = Array.from(labels.dataSync());
        expect(new Set(turns).size).toBeGreaterThan(1);
        expect(some.arraySync()).toEqual(rotateQuarterTurns(images, turns).arraySync());
        const back = rotateQuarterTurns(
          some,
          turns.map((turn) => -turn),
        );
        expect(back.arraySync()).toEqual(images.arraySync());
        const fewer = randomRotations(images.slice([0], [3]), randomStream(0, "turns"));
        expect(Array.from(fewer.labels.dataSync())).toEqual(turns.slice(0, 3));
      });
    });

    test("nothing is left behind", async () => {
      const images = numbered([2, 4, 4, 3]);
      expect(await leakedTensors(() => allRotations(images))).toBe(2);
      expect(await leakedTensors(() => randomRotations(images, randomStream(0)))).toBe(2);
      expect(await leakedTensors(() => rotateQuarterTurns(images, [1, 2]))).toBe(1);
      images.dispose();
    });
  });
}

describe("rotations", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  test("all four turns are equally likely", () => {
    tf.tidy(() => {
      const { labels } = randomRotations(tf.zeros([4000, 1, 1, 1]), randomStream(1));
      for (const turn of [0, 1, 2, 3]) {
        const found = labels.dataSync().filter((label) => label === turn).length / 4000;
        expect(Math.abs(found - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 4000));
      }
    });
  });

  test("an image draws from its own fork of the stream alone", () => {
    tf.tidy(() => {
      const labels = randomRotations(tf.zeros([9, 1, 1, 1]), randomStream(4)).labels.arraySync();
      const turned = randomRotations(tf.zeros([9, 1, 1, 1]), reversedForks(4, 9)).labels.arraySync();
      expect(turned).toEqual(labels.reverse());
    });
  });

  test("bad input names the argument; half turns of any shape are fine", () => {
    tf.tidy(() => {
      const wide = numbered([2, 2, 3, 1]);
      expect(Array.from(rotateQuarterTurns(wide, [0, 2]).dataSync())).toEqual([
        0, 1, 2, 3, 4, 5, 11, 10, 9, 8, 7, 6,
      ]);
      expect(() => rotateQuarterTurns(wide, [1, 0])).toThrow(/^images: expected square ones .* got 2 x 3/);
      expect(() => allRotations(wide)).toThrow(SitError);
      expect(() => rotateQuarterTurns(wide, [0])).toThrow(/^turns: expected 2 whole numbers, one an image/);
      expect(() => rotateQuarterTurns(wide, [0, 0.5])).toThrow(/^turns: /);
    });
  });
});
