/**
 * The normal quantile of `(word + 1/2) / 2^32`, a standard normal draw from 32 random bits: Wichura's PPND7 (1988,
 * Applied Statistics 37(3), algorithm AS 241), within 1.2e-7 of its size. Only operations that IEEE 754 rounds exactly,
 * in the order of `packages/engine/kernels/compute/random.cc`, so that both give the same bits; so the logarithm is
 * our own, too.
 *
 * @param word an integer from 0 to 2^32 - 1; `2^32 - 1 - word` gives the same number with the other sign
 */
export function normalOfWord(word: number): number {
  const centred = word - 2147483647.5; // word + 1/2 - 2^31, exactly
  const q = centred / 4294967296; // exactly too
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)) /
      (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1)
    );
  }
  // The paper's third formula, for beyond 7 deviations, is out of reach of 32 bits.
  const w = Math.sqrt(minusLogOfTail(2147483648 - Math.abs(centred))) - 1.6;
  const size =
    (((0.17023821103 * w + 1.3067284816) * w + 2.75681539) * w + 1.4234372777) /
    ((0.12021132975 * w + 0.7370016425) * w + 1);
  return q < 0 ? -size : size;
}

/** 2^(1 - i), exactly. */
const powers = Float64Array.from({ length: 33 }, (_, i) => 2 ** (1 - i));

/** -log(v / 2^32) for v from 1/2 to 2^31, within 5e-13: v = mantissa x 2^exponent, log f = 2 atanh((f - 1) / (f + 1)). */
function minusLogOfTail(v: number): number {
  const exponent = 31 - Math.clz32(v); // -1 for 1/2
  const mantissa = v * (powers[exponent + 1] as number);
  const high = mantissa > Math.SQRT2;
  const f = high ? mantissa * 0.5 : mantissa;
  const halvings = (high ? 31 : 32) - exponent;
  const s = (f - 1) / (f + 1);
  const t = s * s;
  let series = 2 / 13;
  series = series * t + 2 / 11;
  series = series * t + 2 / 9;
  series = series * t + 2 / 7;
  series = series * t + 2 / 5;
  series = series * t + 2 / 3;
  series = series * t + 2;
  return halvings * Math.LN2 - series * s;
}
