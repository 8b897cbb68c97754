import { leakedTensors } from "@sitjs/core/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { normalOfWord } from "../normal-quantile.js";
import { fillPhilox } from "../philox.js";
import { type RandomStream, randomStream } from "../random.js";
import { randomNormal, randomUniform } from "./index.js";

const count = 200_000;

/** The mean of f over the values. */
const mean = (values: ArrayLike<number>, f: (value: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i] as number);
  return sum / values.length;
};

/** A share of `count` independent draws within five of its deviations. */
const expectShare = (share: number, likely: number): void =>
  expect(Math.abs(share - likely)).toBeLessThan(5 * Math.sqrt((likely * (1 - likely)) / count));

for (const engine of await engines({ cpu: true })) {
  describe(`random tensors on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("are the words of the generator under a key of two draws, on every engine", async () => {
      const rng = randomStream(3, "words");
      const key = [rng.integer(0, 2 ** 32), rng.integer(0, 2 ** 32)] as const;
      const words = Array.from(fillPhilox(key, new Uint32Array(7 * 5)));
      const uniform = randomUniform([7, 5], randomStream(3, "words"));
      const normal = randomNormal([7, 5], randomStream(3, "words"));
      expect([uniform.shape, normal.shape]).toEqual([
        [7, 5],
        [7, 5],
      ]);
      expect([uniform.dtype, normal.dtype]).toEqual(["float32", "float32"]);
      expect([...(await uniform.data())]).toEqual(words.map((word) => (word >>> 8) / 2 ** 24));
      expect([...(await normal.data())]).toEqual(words.map((word) => Math.fround(normalOfWord(word))));
    });

    it("uniform draws fill [0, 1) evenly", async () => {
      const values = await randomUniform([count], randomStream(1)).data();
      for (let tenth = 0; tenth < 10; tenth++) {
        expectShare(
          mean(values, (value) => Number(Math.floor(value * 10) === tenth)),
          0.1,
        );
      }
      expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    });

    it("normal draws have the moments and the tails of the normal distribution", async () => {
      const values = await randomNormal([count], randomStream(2)).data();
      // Deviations of the mean of x, x², x³ and x⁴ are 1, √2, √15 and √96 over the root of the count.
      const root = Math.sqrt(count);
      expect(Math.abs(mean(values, (x) => x))).toBeLessThan(5 / root);
      expect(Math.abs(mean(values, (x) => x * x) - 1)).toBeLessThan((5 * Math.SQRT2) / root);
      expect(Math.abs(mean(values, (x) => x ** 3))).toBeLessThan((5 * Math.sqrt(15)) / root);
      expect(Math.abs(mean(values, (x) => x ** 4) - 3)).toBeLessThan((5 * Math.sqrt(96)) / root);
      const beyond = [
        [1, 0.317311],
        [2, 0.0455003],
        [3, 0.0026998],
        [4, 6.33425e-5],
      ] as const;
      for (const [limit, likely] of beyond) {
        expectShare(
          mean(values, (x) => Number(Math.abs(x) > limit)),
          likely,
        );
      }
    });

    it("neighbours, and streams beside each other, have nothing to do with each other", async () => {
      const streams = [randomStream(4, 0), randomStream(4, 1)];
      const values = (await randomNormal([2, count], streams).data()) as Float32Array;
      const [one, other] = [values.subarray(0, count), values.subarray(count)];
      const product = (shift: number, partner: ArrayLike<number>): number =>
        one.reduce((sum, value, i) => sum + value * (partner[(i + shift) % count] as number), 0);
      // A sum of `count` products of independent normal draws has deviation √count.
      for (const shift of [1, 2, 3, 4])
        expect(Math.abs(product(shift, one))).toBeLessThan(5 * Math.sqrt(count));
      expect(Math.abs(product(0, other))).toBeLessThan(5 * Math.sqrt(count));
    });

    it("one call after the other gives other numbers; a part's own stream gives it its own", async () => {
      const rng = randomStream(5);
      const [first, second] = [randomNormal([6], rng), randomNormal([6], rng)];
      expect([...(await first.data())]).not.toEqual([...(await second.data())]);
      const streams = (...names: number[]): RandomStream[] => names.map((name) => randomStream(6, name));
      const three = await randomNormal([3, 2, 3], streams(1, 2, 3)).data();
      const two = await randomNormal([2, 2, 3], streams(3, 1)).data();
      expect([...two]).toEqual([...three.subarray(12), ...three.subarray(0, 6)]);
    });

    it("takes scalars and empty shapes, and leaves nothing behind", async () => {
      expect(randomUniform([], randomStream(0)).shape).toEqual([]);
      expect(randomUniform([0, 3], []).shape).toEqual([0, 3]);
      expect(await leakedTensors(() => randomUniform([2], randomStream(0)).dispose())).toBe(0);
    });

    it("throws SitError for sides that are none and for streams that do not fit", () => {
      for (const side of [-1, 0.5, Number.NaN, 2 ** 31]) {
        expect(() => randomNormal([2, side], randomStream(0))).toThrow(SitError);
      }
      expect(() => randomUniform([3, 2], [randomStream(0)])).toThrow(
        /randomUniform: expected a stream for each part of the first axis, got 1 streams for \[3, 2\]/,
      );
      expect(() => randomUniform([], [])).toThrow(SitError);
    });
  });
}
