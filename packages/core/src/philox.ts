/**
 * Philox4x32-10, a counter-based random generator (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"): four 32-bit words are a function of a key and a counter alone, so that any part of a stream is
 * computed without the parts before it, on any engine.
 */

/** 64 bits that name a stream, as two 32-bit words, the lower first. */
export type PhiloxKey = readonly [number, number];

/** The four words of one counter (four words, lowest first), written to `words` from `at` on. */
export function philoxBlock(
  [key0, key1]: PhiloxKey,
  counter: readonly [number, number, number, number],
  words: Uint32Array,
  at = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = [key0, key1];
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

/** The first `words.length` words of a stream: block `i`, of four words, has the counter `i`. */
export function fillPhilox(key: PhiloxKey, words: Uint32Array): Uint32Array {
  const whole = words.length - (words.length % 4);
  for (let at = 0; at < whole; at += 4) philoxBlock(key, [at / 4, 0, 0, 0], words, at);
  if (whole < words.length) {
    const last = new Uint32Array(4);
    philoxBlock(key, [whole / 4, 0, 0, 0], last);
    words.set(last.subarray(0, words.length - whole), whole);
  }
  return words;
}

/** The upper 32 bits of the 64-bit product of `a` and `high x 2^16 + low`, both without sign. */
function highProduct(a: number, high: number, low: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const middle = Math.imul(aHigh, low) + (Math.imul(aLow, low) >>> 16);
  const other = Math.imul(aLow, high) + (middle & 0xffff);
  return (Math.imul(aHigh, high) + (middle >>> 16) + (other >>> 16)) | 0;
}
