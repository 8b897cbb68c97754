import { describe, expect, it } from "vitest";
import { normalOfWord } from "./normal-quantile.js";
import { fillPhilox, philoxBlock } from "./philox.js";

describe("philox4x32-10", () => {
  const ones = 0xffffffff;
  // The known-answer vectors that the authors give out with their Random123 library.
  it.each([
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [ones, ones, ones, ones],
      key: [ones, ones],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ] as const)("gives the known words of $counter under $key", ({ counter, key, words }) => {
    expect([...philoxBlock(key, counter)]).toEqual(words);
  });

  it("numbers its blocks from 0, and a shorter stream is the beginning of a longer one", () => {
    const long = fillPhilox([3, 4], new Uint32Array(23));
    expect(long.slice(8, 12)).toEqual(philoxBlock([3, 4], [2, 0, 0, 0]));
    for (const length of [0, 1, 4, 7]) {
      expect(fillPhilox([3, 4], new Uint32Array(length))).toEqual(long.slice(0, length));
    }
    expect(fillPhilox([3, 5], new Uint32Array(4))).not.toEqual(long.slice(0, 4));
  });
});

describe("normal quantile of a word", () => {
  it("is the quantile of (word + 1/2) / 2^32", () => {
    // torch.special.ndtri (PyTorch 2.13) of these probabilities in float64.
    const known: [word: number, quantile: number][] = [
      [0, -6.3379577545537895],
      [1, -6.16642951781975],
      [1000, -5.039851125968712],
      [123456, -4.022887695808419],
      [300000000, -1.4769151384691752],
      [322122546, -1.4395314720898171],
      [322122548, -1.439531468800213],
      [1073741824, -0.6744897498297384],
      [2147483647, -2.918099372916623e-10],
    ];
    for (const [word, quantile] of known) {
      expect(Math.abs(normalOfWord(word) / quantile - 1)).toBeLessThan(1.25e-7);
    }
  });

  it("is odd about the middle, rises, and has no jump where its formulas meet", () => {
    let last = Number.NEGATIVE_INFINITY;
    for (let word = 0; word < 4294967296; word += 65537) {
      const value = normalOfWord(word);
      expect(value).toBeGreaterThan(last);
      expect(normalOfWord(4294967295 - word)).toBe(-value);
      last = value;
    }
    const border = Math.floor(0.075 * 4294967296);
    const steps = [-2, -1, 0, 1].map((i) => normalOfWord(border + i + 1) - normalOfWord(border + i));
    for (const step of steps) expect(Math.abs(step)).toBeLessThan(3e-7);
  });
});
