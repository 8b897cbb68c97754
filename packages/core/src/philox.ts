/**
 * Philox4x32-10, a counter-based random generator (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"): four 32-bit words are a function of a key and a counter alone, so that any part of a stream is
 * computed without the parts before it, on any engine.
 */

/** 64 bits that name a stream, as two 32-bit words, the lower first. */
export type PhiloxKey = readonly [number, number];

/** The first `words.length` words of a stream: block `i`, of four words, has the counter `i`. */
export function fillPhilox([key0, key1]: PhiloxKey, words: Uint32Array): Uint32Array {
  const whole = words.length - (words.length % 4);
  for (let at = 0; at < whole; at += 4) writeBlock(words, at, key0, key1, at / 4, 0, 0, 0);
  if (whole < words.length) {
    const last = philoxBlock([key0, key1], [whole / 4, 0, 0, 0]);
    words.set(last.subarray(0, words.length - whole), whole);
  }
  return words;
}

/** The four words of one counter, which is four words itself, the lowest first. */
export function philoxBlock(
  [key0, key1]: PhiloxKey,
  [c0, c1, c2, c3]: readonly [number, number, number, number],
): Uint32Array {
  const words = new Uint32Array(4);
  writeBlock(words, 0, key0, key1, c0, c1, c2, c3);
  return words;
}

/** Writes a block to `words` from `at` on. Numbers one by one and signed: without an allocation, unboxed. */
function writeBlock(
  words: Uint32Array,
  at: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
): void {
  let [k0, k1, c0, c1, c2, c3] = [key0, key1, counter0, counter1, counter2, counter3];
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(c0, 0xd251, 0x1f53);
    const low0 = Math.imul(c0, 0xd2511f53);
    const high1 = highProduct(c2, 0xcd9e, 0x8d57);
    const low1 = Math.imul(c2, 0xcd9e8d57);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  words[at] = c0;
  words[at + 1] = c1;
  words[at + 2] = c2;
  words[at + 3] = c3;
}

/** The upper 32 bits of the 64-bit product of `a` and `high x 2^16 + low`, both without sign. */
function highProduct(a: number, high: number, low: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const middle = (Math.imul(aHigh, low) + (Math.imul(aLow, low) >>> 16)) | 0;
  const other = (Math.imul(aLow, high) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, high) + (middle >>> 16) + (other >>> 16)) | 0;
}
