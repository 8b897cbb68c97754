import { SitError } from "@sitjs/core/errors";
import { type RandomStream, randomStream } from "@sitjs/core/random";
import { describe, expect, test } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { type Block, type BlockMaskOptions, drawBlockMask } from "./index.js";

/** One of the settings of fixtures/corruption_stats.json: the official code's masks, counted. */
interface Reference {
  readonly setting: { readonly size: number; readonly max_replace: number; readonly align: number };
  readonly corrupted_fraction: Statistics;
  readonly block_height: Statistics & { readonly histogram: Readonly<Record<string, number>> };
  readonly block_width: Statistics & { readonly histogram: Readonly<Record<string, number>> };
}

interface Statistics {
  readonly mean: number;
  readonly sem: number;
  readonly quantiles: Readonly<Record<string, number>>;
}

const references = loadFixture("corruption_stats").json.settings as readonly Reference[];

/** Our options for a setting: the official sides run from one pixel or patch to below 30 % of the image. */
function optionsOf({ size, max_replace, align }: Reference["setting"]): BlockMaskOptions {
  const largest = Math.floor(0.3 * size) - 1; // the official upper end is excluded
  return {
    height: size,
    width: size,
    ratio: max_replace,
    blocks: { minimum: 0, maximum: largest / size },
    alignment: align,
  };
}

const share = (mask: Uint8Array): number => mask.reduce((sum, v) => sum + v, 0) / mask.length;

function summary(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
  const sorted = [...values].sort((a, b) => a - b);
  const quantile = (q: number) => sorted[Math.round(q * (sorted.length - 1))] as number;
  return { mean, sem: Math.sqrt(variance / values.length), quantile };
}

/** Two-sample chi-square over the bins of both histograms, as deviations of its normal approximation. */
function chiSquareDeviations(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  const total = (h: ReadonlyMap<number, number>) => [...h.values()].reduce((sum, n) => sum + n, 0);
  const [totalA, totalB] = [total(a), total(b)];
  const bins = [...new Set([...a.keys(), ...b.keys()])];
  const statistic = bins.reduce((sum, bin) => {
    const [x, y] = [a.get(bin) ?? 0, b.get(bin) ?? 0];
    return sum + (Math.sqrt(totalB / totalA) * x - Math.sqrt(totalA / totalB) * y) ** 2 / (x + y);
  }, 0);
  const freedom = bins.length - 1;
  return freedom === 0 ? statistic : (statistic - freedom) / Math.sqrt(2 * freedom);
}

function count(values: readonly number[]): Map<number, number> {
  const histogram = new Map<number, number>();
  for (const v of values) histogram.set(v, (histogram.get(v) ?? 0) + 1);
  return histogram;
}

const asMap = (histogram: Readonly<Record<string, number>>) =>
  new Map(Object.entries(histogram).map(([side, n]) => [Number(side), n]));

describe("against the official code's statistics", () => {
  test.each(references.map((reference, i) => ({ i, reference, name: JSON.stringify(reference.setting) })))(
    "corrupted share and block sizes of $name",
    ({ i, reference }) => {
      const { size, align, max_replace } = reference.setting;
      const blocks: Block[] = [];
      const options = { ...optionsOf(reference.setting), onBlock: (block: Block) => blocks.push(block) };
      const shares = Array.from({ length: size > 128 ? 200 : 1000 }, (_, draw) =>
        share(drawBlockMask(options, randomStream(12, "share", i, draw))),
      );

      const ours = summary(shares);
      const theirs = reference.corrupted_fraction;
      const bound = 5 * Math.hypot(ours.sem, theirs.sem);
      expect(Math.abs(ours.mean - theirs.mean)).toBeLessThanOrEqual(bound);
      const levels = ["0", "0.05", "0.25", "0.5", "0.75", "0.95", "1"];
      for (let k = 1; k < levels.length - 1; k++) {
        const at = ours.quantile(Number(levels[k]));
        expect(at).toBeGreaterThanOrEqual(theirs.quantiles[levels[k - 1] as string] as number);
        expect(at).toBeLessThanOrEqual(theirs.quantiles[levels[k + 1] as string] as number);
      }
      expect(ours.quantile(0)).toBeGreaterThanOrEqual(Math.min(0.5, max_replace));

      // Ours wrap around the border where the official ones are cut, and may start at the last row or column, as
      // the official ones never do. Blocks of other starts, cut likewise, have the official distribution.
      for (const [start, side, histogram] of [
        ["top", "height", reference.block_height],
        ["left", "width", reference.block_width],
      ] as const) {
        const sides = blocks
          .filter((block) => block[start] < size - align)
          .map((block) => Math.min(block[side], size - block[start]));
        const { mean, sem } = summary(sides);
        expect(Math.abs(mean - histogram.mean)).toBeLessThanOrEqual(5 * Math.hypot(sem, histogram.sem));
        expect(chiSquareDeviations(count(sides), asMap(histogram.histogram))).toBeLessThan(5);
      }
    },
  );
});

describe("coverage", () => {
  test.each([
    { name: "pixels, official sizes", height: 64, width: 64, ratio: 0.7, alignment: 1, maximum: 18 / 64 },
    { name: "pixels, the paper's sizes", height: 28, width: 28, ratio: 0.3, alignment: 1, maximum: 0.25 },
    { name: "patches, not square", height: 32, width: 64, ratio: 0.5, alignment: 8, maximum: 0.3 },
    { name: "patches, few", height: 64, width: 64, ratio: 0.7, alignment: 16, maximum: 0.3 },
  ])("is even over the image: $name", ({ height, width, ratio, alignment, maximum }) => {
    const draws = 3000;
    const hits = new Float64Array(height * width);
    for (let draw = 0; draw < draws; draw++) {
      const blocks = { minimum: 0.05, maximum };
      drawBlockMask(
        { height, width, ratio, alignment, blocks },
        randomStream(13, height, width, draw),
      ).forEach((v, i) => {
        hits[i] = (hits[i] as number) + v;
      });
    }
    const mean = hits.reduce((a, b) => a + b, 0) / hits.length / draws;
    // Every pixel is binomial with the same chance: of at most 4,096 of them none is off by five deviations
    // (one run in 400 would have one). The official corner at 0.17 against 0.70 would be off by 60.
    const deviation = Math.sqrt((mean * (1 - mean)) / draws);
    const worst = hits.reduce((most, n) => Math.max(most, Math.abs(n / draws - mean)), 0);
    expect(worst).toBeLessThan(5 * deviation);
    expect(5 * deviation).toBeLessThan(0.05);
  });

  test("reaches the last row and column, alone too", () => {
    const options = { height: 16, width: 16, ratio: 1 / 256, blocks: { minimum: 0, maximum: 1 / 16 } };
    const single = new Set<number>();
    for (let draw = 0; draw < 4000; draw++)
      single.add(drawBlockMask(options, randomStream(14, draw)).indexOf(1));
    expect(single.size).toBe(256);
  });
});

describe("drawing always ends", () => {
  const blocksOf = (options: BlockMaskOptions, rng: RandomStream) => {
    let blocks = 0;
    const mask = drawBlockMask({ ...options, onBlock: () => blocks++ }, rng);
    return { blocks, share: share(mask) };
  };

  test("where the official code loops for ever: patches of 16 at 64 x 64, up to 70 %", () => {
    const shares = Array.from({ length: 60 }, (_, draw) => {
      const options = { height: 64, width: 64, ratio: 0.7, alignment: 16 };
      return blocksOf(options, randomStream(15, draw)).share;
    });
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...shares)).toBeGreaterThan(9 / 16); // all that the official code can cover there
  });

  test("where the official code throws: a patch larger than the largest block", () => {
    const { share: covered } = blocksOf(
      { height: 32, width: 32, ratio: 0.5, alignment: 16 },
      randomStream(16),
    );
    expect(covered).toBe(0.5);
  });

  test("the whole image, with single pixels or patches", () => {
    const tiny = { minimum: 0, maximum: 0.01 };
    for (const alignment of [1, 4]) {
      const options = { height: 28, width: 28, ratio: 1, minimumRatio: 1, blocks: tiny, alignment };
      const { blocks, share: covered } = blocksOf(options, randomStream(17));
      expect(covered).toBe(1);
      expect(blocks).toBeLessThanOrEqual(3 * (28 / alignment) ** 2);
    }
    expect(blocksOf({ height: 1, width: 1, ratio: 1, minimumRatio: 1 }, randomStream(18)).share).toBe(1);
  });

  test.each([0, 1 - 2 ** -32])("even with a stream that only ever gives %s", (constant) => {
    const stuck: RandomStream = {
      ...randomStream(0),
      uniform: () => constant,
      between: (low, high) => low + (high - low) * constant,
      integer: (low, high) => low + Math.floor(constant * (high - low)),
    };
    const { blocks, share: covered } = blocksOf({ height: 20, width: 12, ratio: 0.9 }, stuck);
    expect(covered).toBeGreaterThanOrEqual(0.5);
    expect(blocks).toBeLessThanOrEqual(3 * 240);
  });
});

describe("masks", () => {
  test("aligned masks are made of whole patches", () => {
    const mask = drawBlockMask({ height: 32, width: 48, ratio: 0.6, alignment: 8 }, randomStream(19));
    mask.forEach((v, i) => {
      const [y, x] = [Math.floor(i / 48), i % 48];
      expect(v).toBe(mask[(y - (y % 8)) * 48 + x - (x % 8)]);
    });
  });

  test("sides stay in the range given, 5 to 25 % unless told otherwise", () => {
    const sides = new Set<number>();
    const onBlock = ({ height, width }: Block) => sides.add(height).add(width);
    for (let draw = 0; draw < 50; draw++)
      drawBlockMask({ height: 100, width: 100, ratio: 0.5, onBlock }, randomStream(20, draw));
    expect([Math.min(...sides), Math.max(...sides)]).toEqual([5, 25]);
    sides.clear();
    const blocks = { minimum: 0.07, maximum: 0.29 }; // 0.07 x 100 is above 7 in floating point
    for (let draw = 0; draw < 50; draw++)
      drawBlockMask({ height: 100, width: 100, ratio: 0.5, blocks, onBlock }, randomStream(21, draw));
    expect([Math.min(...sides), Math.max(...sides)]).toEqual([7, 29]);
  });

  test("the same stream gives the same mask", () => {
    const options = { height: 28, width: 28, ratio: 0.7 };
    expect(drawBlockMask(options, randomStream(0))).toEqual(drawBlockMask(options, randomStream(0)));
    expect(drawBlockMask(options, randomStream(0))).not.toEqual(drawBlockMask(options, randomStream(1)));
  });

  test.each<[Partial<BlockMaskOptions>, RegExp]>([
    [{ ratio: 0 }, /^ratio: expected a share above 0 and at most 1, got 0/],
    [{ ratio: 1.1 }, /^ratio: /],
    [{ ratio: Number.NaN }, /^ratio: /],
    [{ ratio: 0.3, minimumRatio: 0.4 }, /^minimumRatio: expected a share from 0 to 0.3, got 0.4/],
    [{ blocks: { minimum: 0.3, maximum: 0.2 } }, /^blocks.minimum: expected a share from 0 to 0.2, got 0.3/],
    [{ blocks: { minimum: 0, maximum: 0 } }, /^blocks.maximum: /],
    [{ alignment: 1.5 }, /^alignment: expected a whole number of pixels, at least 1, got 1.5/],
    [{ alignment: 0 }, /^alignment: /],
    [{ alignment: 5 }, /^alignment: expected an image with sides that 5 divides, got 28 x 28/],
  ])("%j is an error", (options, message) => {
    const draw = () => drawBlockMask({ height: 28, width: 28, ratio: 0.7, ...options }, randomStream(0));
    expect(draw).toThrow(message);
    expect(draw).toThrow(SitError);
  });
});
