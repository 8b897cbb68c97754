// Pairs of bfloat16 in one word: the operands of products with bfloat16 inside. Of two neighbours along the summed
// axis the first is in the word's lower half. Rounding is to the nearest, halves to even; NaN stays NaN.
#ifndef SITJS_BFLOAT16_H_
#define SITJS_BFLOAT16_H_

#include "vector.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace {

// Words that hold `count` numbers.
inline Index Pairs(Index count) { return (count + 1) / 2; }

// x rounded to bfloat16 in the upper half; the lower half is rubbish.
inline Word RoundedUpper(float x) {
  Word bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Word rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return x == x ? rounded : bits | 0x400000u;
}

inline Word Pair(float first, float second) {
  return (RoundedUpper(first) >> 16) | (RoundedUpper(second) & 0xffff0000u);
}

// Lane by lane.
inline Words PairLanes(Vector first, Vector second) {
#if defined(__AVX512BF16__)
  static const unsigned short kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                            8,  24, 9,  25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
  return (Words)_mm512_permutexvar_epi16(_mm512_loadu_si512(kOrder), both);
#else
  const auto upper = [](Vector x) -> Words {
    const Words bits = (Words)x;
    const Words rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    const Words quiet = bits | 0x400000u;
    return x == x ? rounded : quiet;
  };
  return (upper(first) >> 16) | (upper(second) & 0xffff0000u);
#endif
}

// Neighbours of one row: `count` numbers to Pairs(count) words, the last one filled with 0.
inline void PairRow(Index count, const float* x, Word* to) {
  Index i = 0;
#if defined(__AVX512BF16__)
  for (; i + 32 <= count; i += 32) {
    const __m512bh pairs = _mm512_cvtne2ps_pbh((__m512)Load(x + i + 16), (__m512)Load(x + i));
    __builtin_memcpy(to + i / 2, &pairs, sizeof pairs);
  }
#else
  const Index even = count / 2 * 2;
#pragma omp simd
  for (Index j = 0; j < even; j += 2) to[j / 2] = Pair(x[j], x[j + 1]);
  i = even;
#endif
  for (; i < count; i += 2) to[i / 2] = Pair(x[i], i + 1 < count ? x[i + 1] : 0.0f);
}

inline float FirstOf(Word pair) {
  const Word bits = pair << 16;
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

inline float SecondOf(Word pair) {
  const Word bits = pair & 0xffff0000u;
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// The reverse of PairRow, but for what rounding took.
inline void UnpairRow(Index count, const Word* pairs, float* to) {
  const Index even = count / 2 * 2;
#pragma omp simd
  for (Index j = 0; j < even; j += 2) {
    to[j] = FirstOf(pairs[j / 2]);
    to[j + 1] = SecondOf(pairs[j / 2]);
  }
  if (even < count) to[even] = FirstOf(pairs[even / 2]);
}

// sum + first a x first b + second a x second b
inline Vector AddPairProducts(Vector sum, Word a, Words b) {
#if defined(__AVX512BF16__)
  return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)b);
#else
  sum += FirstOf(a) * (Vector)(b << 16);
  return sum + SecondOf(a) * (Vector)(b & 0xffff0000u);
#endif
}

}  // namespace

#endif  // SITJS_BFLOAT16_H_
