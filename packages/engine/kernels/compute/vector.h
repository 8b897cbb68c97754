// Vectors of the width this build is for, by the compilers' own vector extension (GCC and Clang, every processor).
#ifndef SITJS_VECTOR_H_
#define SITJS_VECTOR_H_

#include "compute.h"

// Everything below is in an unnamed namespace of each build, and no header with inline functions is included here:
// the linker must not keep one build's copy of a function for all.
namespace {

using sitjs::Index;

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

inline Vector Load(const float* from) {
  Vector v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void Store(float* to, Vector v) { __builtin_memcpy(to, &v, sizeof v); }

inline Vector Splat(float value) { return value - Vector{}; }

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
