/**
 * Seeded random numbers without global state. Every stream is named by what it is for:
 * `randomStream(seed, "corruption", step, sample)` gives the same numbers on every machine,
 * in every worker, in whatever order streams are made. Loads without tfjs (`@sitjs/core/random`).
 */

import { zigguratNormal } from "./ziggurat.js";

/** A source of random numbers; `uniform` is the only draw, the rest derive from it. */
export interface RandomStream {
  /** A number in [0, 1), 32 bits of it random. */
  uniform(): number;
  /** A number in [low, high). */
  between(low: number, high: number): number;
  /** An integer in [low, high), `high` excluded. */
  integer(low: number, high: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** A draw from the standard normal distribution (ziggurat). */
  normal(): number;
  /** Fills with standard normal draws; returns the same array. */
  fillNormal(target: Float32Array): Float32Array;
  /** A random permutation of 0 … n-1 (Fisher–Yates). */
  permutation(n: number): Uint32Array;
  /** A new stream that depends on this stream's name and `path`, not on what was drawn from it so far. */
  fork(...path: StreamKey[]): RandomStream;
}

export type StreamKey = string | number;

/** A stream named by a seed (any safe integer, 0 included) and a path of names and numbers. */
export function randomStream(seed: number, ...path: StreamKey[]): RandomStream {
  let state = mixNumber(INITIAL, seed);
  for (const key of path) state = mixKey(state, key);
  return stream(state);
}

type Hash = readonly [number, number, number, number];
const INITIAL: Hash = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]; // digits of pi

function mixKey(state: Hash, key: StreamKey): Hash {
  if (typeof key === "number") return mixNumber(state, key);
  // A type tag and the length keep ("ab", "c") and ("a", "bc") and (1) and ("1") apart.
  let mixed = mixWord(state, 0x5354_5200 + key.length);
  for (let i = 0; i < key.length; i++) mixed = mixWord(mixed, key.charCodeAt(i));
  return mixed;
}

function mixNumber(state: Hash, value: number): Hash {
  if (!Number.isSafeInteger(value))
    throw new RangeError(`random stream: expected a safe integer, got ${value}`);
  const low = value >>> 0;
  const high = Math.floor(value / 4294967296) >>> 0;
  return mixWord(mixWord(mixWord(state, 0x4e55_4d00), low), high);
}

function mixWord([a, b, c, d]: Hash, word: number): Hash {
  const next: Hash = [
    scramble(a ^ word),
    scramble((b + Math.imul(word, 0x9e3779b1)) >>> 0),
    scramble(c ^ Math.imul(word, 0x85ebca77)),
    scramble((d + word + 0x165667b1) >>> 0),
  ];
  return [
    scramble(next[0] + next[3]),
    scramble(next[1] ^ next[0]),
    scramble(next[2] + next[1]),
    scramble(next[3] ^ next[2]),
  ];
}

/** MurmurHash3's 32-bit finaliser (Appleby, public domain constants). */
function scramble(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function stream(name: Hash): RandomStream {
  // Signed 32-bit integers, which JavaScript engines keep unboxed; unsigned ones would be boxed at every draw.
  let [a, b, c, d] = name.map((word) => word | 0) as [number, number, number, number];
  /** sfc32 (Doty-Humphrey, PractRand): a 128-bit chaotic generator with a counter, period at least 2^32. */
  const next = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const uniform = () => next() / 4294967296;
  const self: RandomStream = {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer(low, high) {
      if (!(high > low)) throw new RangeError(`integer: expected low < high, got ${low} and ${high}`);
      return low + Math.floor(uniform() * (high - low));
    },
    chance: (probability) => uniform() < probability,
    normal: () => zigguratNormal(next),
    fillNormal(target) {
      for (let i = 0; i < target.length; i++) target[i] = zigguratNormal(next);
      return target;
    },
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = Math.floor(uniform() * (i + 1));
        const swap = order[i] as number;
        order[i] = order[j] as number;
        order[j] = swap;
      }
      return order;
    },
    fork(...path) {
      let state = name;
      for (const key of path) state = mixKey(state, key);
      return stream(state);
    },
  };
  return self;
}
