import type { RandomStream } from "@sitjs/core/random";

/** One of the entries. */
export function pick<T>(list: ArrayLike<T>, rng: RandomStream): T {
  return list[rng.integer(0, list.length)] as T;
}

/** How many changes are made to one file: often a single one, which gets past more checks. */
export function changes(rng: RandomStream): number {
  return rng.chance(0.5) ? 1 : rng.integer(2, 5);
}

/** Files do not grow beyond this: the parsers' time and memory are in proportion to the file. */
export const maximumBytes = 2 ** 17;

/** Lengths and offsets where arithmetic goes wrong: signs, and the ends of 8, 16, 31, 32, 53, 63 and 64 bits. */
const extremes = [
  0n,
  1n,
  2n ** 7n,
  2n ** 8n - 1n,
  2n ** 15n,
  2n ** 16n - 1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

type Mutation = (file: Uint8Array, rng: RandomStream, corpus: readonly Uint8Array[]) => Uint8Array;

/** Anywhere, but half the time among the first bytes, where headers are. */
function place(length: number, rng: RandomStream): number {
  return rng.integer(0, rng.chance(0.5) ? Math.min(length, 32) : length);
}

/** A part of `file`: its start and end. */
function range(file: Uint8Array, rng: RandomStream): [start: number, end: number] {
  const start = place(file.length, rng);
  const longest = rng.chance(0.8) ? Math.min(64, file.length - start) : file.length - start;
  return [start, start + rng.integer(0, longest + 1)];
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

const mutations: readonly Mutation[] = [
  function flipBit(file, rng) {
    const at = place(file.length, rng);
    file[at] = (file[at] as number) ^ (1 << rng.integer(0, 8));
    return file;
  },
  function setByte(file, rng) {
    file[place(file.length, rng)] = rng.chance(0.5)
      ? pick([0, 1, 0x7f, 0x80, 0xff], rng)
      : rng.integer(0, 256);
    return file;
  },
  function setNumber(file, rng) {
    const width = pick([2, 4, 8], rng);
    if (file.length < width) return file;
    const at = Math.min(place(file.length, rng), file.length - width);
    let value = pick(extremes, rng);
    const littleEndian = rng.chance(0.5);
    for (let i = 0; i < width; i++, value >>= 8n) {
      file[at + (littleEndian ? i : width - 1 - i)] = Number(value & 0xffn);
    }
    return file;
  },
  function nudgeNumber(file, rng) {
    const at = place(file.length, rng);
    file[at] = (file[at] as number) + pick([-1, 1, 2, 8], rng);
    return file;
  },
  (file, rng) => file.slice(0, rng.integer(0, file.length)),
  (file, rng) =>
    join(
      file,
      Uint8Array.from({ length: rng.integer(1, 64) }, () => rng.integer(0, 256)),
    ),
  function removeRange(file, rng) {
    const [start, end] = range(file, rng);
    return join(file.subarray(0, start), file.subarray(end));
  },
  function repeatRange(file, rng) {
    const [start, end] = range(file, rng);
    return join(file.subarray(0, end), file.subarray(start));
  },
  function splice(file, rng, corpus) {
    const other = pick(corpus, rng);
    return join(
      file.subarray(0, rng.integer(0, file.length + 1)),
      other.subarray(rng.integer(0, other.length)),
    );
  },
  function insertBytes(file, rng) {
    const at = place(file.length, rng);
    const bytes = Uint8Array.from({ length: rng.integer(1, 9) }, () => rng.integer(0, 256));
    return join(file.subarray(0, at), bytes, file.subarray(at));
  },
];

/** One to four changes to the bytes, whatever they mean. */
export function mutateBytes(file: Uint8Array, rng: RandomStream, corpus: readonly Uint8Array[]): Uint8Array {
  let changed = Uint8Array.from(file) as Uint8Array;
  for (let left = changes(rng); left > 0 && changed.length > 0; left--) {
    changed = pick(mutations, rng)(changed, rng, corpus);
  }
  return changed.subarray(0, maximumBytes);
}
