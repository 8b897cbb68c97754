// Vectors of the width this build is for, by the compilers' own vector extension (GCC and Clang, every processor).
#ifndef SITJS_VECTOR_H_
#define SITJS_VECTOR_H_

#include "compute.h"

#if defined(__AVX__)
#include <immintrin.h>
#endif

// Everything below is in an unnamed namespace of each build, and no header with inline functions is included here:
// the linker must not keep one build's copy of a function for all.
namespace {

using sitjs::Index;
using sitjs::Word;

#if defined(__AVX512F__)
constexpr Index kLanes = 16;
constexpr int kTileRows = 14;  // 28 sums, 2 columns of B, and 2 to spare of 32 registers
#elif defined(__AVX__)
constexpr Index kLanes = 8;
constexpr int kTileRows = 6;  // 12 sums, 2 columns of B, 1 of A of 16 registers
#elif defined(__aarch64__)
constexpr Index kLanes = 4;
constexpr int kTileRows = 12;  // 24 sums of 32 registers
#else
constexpr Index kLanes = 4;
constexpr int kTileRows = 6;
#endif

typedef float Vector __attribute__((vector_size(4 * kLanes)));
typedef Word Words __attribute__((vector_size(4 * kLanes)));
static_assert(sizeof(Word) == sizeof(float), "words hold floats and pairs of bfloat16");

inline Vector Load(const float* from) {
  Vector v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void Store(float* to, Vector v) { __builtin_memcpy(to, &v, sizeof v); }

// Whether Stream may write there: its rows are whole cache lines.
inline bool CanStream(const float* to, Index ld) {
  return reinterpret_cast<size_t>(to) % 64 == 0 && ld % 16 == 0;
}

// Past the caches where the instruction set has such a store.
inline void Stream(float* to, Vector v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, (__m512)v);
#elif defined(__AVX__)
  _mm256_stream_ps(to, (__m256)v);
#else
  Store(to, v);
#endif
}

// After streaming, before other threads read.
inline void FinishStreaming() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}

inline Words Load(const Word* from) {
  Words v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void Store(Word* to, Words v) { __builtin_memcpy(to, &v, sizeof v); }

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SITJS_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#if !defined(SITJS_SHUFFLE)
#define SITJS_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Words){__VA_ARGS__})
#endif

// Lanes of a and b by turns: those of their first halves, of their second ones.
inline Words InterleaveLow(Words a, Words b) {
#if defined(__AVX512F__)
  return SITJS_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif defined(__AVX__)
  return SITJS_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return SITJS_SHUFFLE(a, b, 0, 4, 1, 5);
#endif
}

inline Words InterleaveHigh(Words a, Words b) {
#if defined(__AVX512F__)
  return SITJS_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX__)
  return SITJS_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return SITJS_SHUFFLE(a, b, 2, 6, 3, 7);
#endif
}

// The square block from[i * ld + p] to to[p * ld_to + i], both of kLanes x kLanes words.
inline void TransposeBlock(const Word* from, Index ld, Word* to, Index ld_to) {
  Words rows[kLanes], mixed[kLanes];
#pragma GCC unroll 16
  for (Index i = 0; i < kLanes; i++) rows[i] = Load(from + i * ld);
  // Interleaving halves is a rotation of the bits of (row, lane); after log2(kLanes) of them both have changed places.
#pragma GCC unroll 4
  for (Index round = 1; round < kLanes; round *= 2) {
#pragma GCC unroll 16
    for (Index i = 0; i < kLanes / 2; i++) {
      mixed[2 * i] = InterleaveLow(rows[i], rows[i + kLanes / 2]);
      mixed[2 * i + 1] = InterleaveHigh(rows[i], rows[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (Index i = 0; i < kLanes; i++) rows[i] = mixed[i];
  }
#pragma GCC unroll 16
  for (Index i = 0; i < kLanes; i++) Store(to + i * ld_to, rows[i]);
}

// The first `count` lanes; zero in the others.
inline Vector LoadPart(const float* from, Index count) {
  float lanes[kLanes] = {};
  for (Index i = 0; i < count; i++) lanes[i] = from[i];
  return Load(lanes);
}

inline void StorePart(float* to, Vector v, Index count) {
  float lanes[kLanes];
  Store(lanes, v);
  for (Index i = 0; i < count; i++) to[i] = lanes[i];
}

inline Index RoundUp(Index value, Index multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

#endif  // SITJS_VECTOR_H_
