// Uniform and normal floats of a counter-based generator. Compiled once per instruction set, as compute.cc is, but
// without joining products and sums (-ffp-contract=off): each operation here is rounded by itself, in the order of
// packages/core/src/philox.ts and normal-quantile.ts, so that both give the same bits. No library function is called.
#include "vector.h"

namespace {

// Blocks computed side by side.
constexpr Index kBlocks = 16;

// The Philox4x32-10 generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four words of each
// block, whose number is the counter.
void PhiloxBlock(uint32_t key0, uint32_t key1, uint64_t first, uint32_t* __restrict words) {
#pragma omp simd
  for (Index i = 0; i < kBlocks; i++) {
    const uint64_t block = first + static_cast<uint64_t>(i);
    uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = key0, k1 = key1;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      const uint64_t p0 = static_cast<uint64_t>(c0) * 0xD2511F53u;
      const uint64_t p1 = static_cast<uint64_t>(c2) * 0xCD9E8D57u;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<uint32_t>(p1);
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[4 * i] = c0;
    words[4 * i + 1] = c1;
    words[4 * i + 2] = c2;
    words[4 * i + 3] = c3;
  }
}

// 24 bits: every value is a float, and 1 is none of them.
inline float UniformOf(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 5.9604644775390625e-8f;
}

// The normal quantile of (word + 1/2) / 2^32 by Wichura's PPND7 (1988, algorithm AS 241): a quotient of polynomials
// for the middle and one for the tails. His third, for beyond 7 deviations, is out of reach of 32 bits.
inline float NormalOf(uint32_t word) {
  // (word + 1/2) - 2^31, exactly; through a signed number, which every instruction set converts.
  const double centred = static_cast<double>(static_cast<int32_t>(word ^ 0x80000000u)) + 0.5;
  const double q = centred * 2.3283064365386962890625e-10;

  const double r = 0.180625 - q * q;
  const double middle = q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
                        (((67.18756360 * r + 78.757757664) * r + 17.895169469) * r + 1.0);

  // -log of the tail's probability v / 2^32, with v = mantissa x 2^exponent.
  const double v = 2147483648.0 - __builtin_fabs(centred);
  uint64_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  const uint64_t mantissa_bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  const uint64_t exponent_bits = (bits >> 52) | 0x4330000000000000ull;  // 2^52 + 1023 + exponent as a double
  double mantissa, exponent;
  __builtin_memcpy(&mantissa, &mantissa_bits, sizeof mantissa);
  __builtin_memcpy(&exponent, &exponent_bits, sizeof exponent);
  const bool high = mantissa > 1.4142135623730951;
  const double f = high ? mantissa * 0.5 : mantissa;
  const double halvings = (high ? 4503599627371550.0 : 4503599627371551.0) - exponent;  // 32 - exponent
  // log f = 2 atanh(s), seven terms: within 5e-13.
  const double s = (f - 1.0) / (f + 1.0);
  const double t = s * s;
  double series = 2.0 / 13.0;
  series = series * t + 2.0 / 11.0;
  series = series * t + 2.0 / 9.0;
  series = series * t + 2.0 / 7.0;
  series = series * t + 2.0 / 5.0;
  series = series * t + 2.0 / 3.0;
  series = series * t + 2.0;
  const double minus_log = halvings * 0.6931471805599453 - series * s;
  const double w = __builtin_sqrt(minus_log) - 1.6;
  const double size = (((0.17023821103 * w + 1.3067284816) * w + 2.75681539) * w + 1.4234372777) /
                      ((0.12021132975 * w + 0.7370016425) * w + 1.0);
  const double tail = q < 0.0 ? -size : size;
  return static_cast<float>(__builtin_fabs(q) <= 0.425 ? middle : tail);
}

template <float (*kValueOf)(uint32_t)>
void Fill(uint32_t key0, uint32_t key1, uint64_t block, Index count, float* __restrict out) {
  uint32_t words[4 * kBlocks];
  for (Index at = 0; at < count; at += 4 * kBlocks, block += kBlocks) {
    PhiloxBlock(key0, key1, block, words);
    if (count - at >= 4 * kBlocks) {
#pragma omp simd
      for (Index i = 0; i < 4 * kBlocks; i++) out[at + i] = kValueOf(words[i]);
    } else {
      for (Index i = 0; i < count - at; i++) out[at + i] = kValueOf(words[i]);
    }
  }
}

}  // namespace

namespace sitjs {

extern const RandomTable SITJS_JOIN(SITJS_TABLE, _random);
const RandomTable SITJS_JOIN(SITJS_TABLE, _random) = {Fill<UniformOf>, Fill<NormalOf>};

}  // namespace sitjs
