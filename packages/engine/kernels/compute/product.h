// Matrix products: B packed into strips of two vectors, A read where it lies, tiles of sums kept in registers.
#ifndef SITJS_PRODUCT_H_
#define SITJS_PRODUCT_H_

#include "vector.h"

namespace {

constexpr Index kStrip = 2 * kLanes;

// Two vectors wide, the last one only one where that holds all that is left.
inline Index StripWidth(Index columns_left) { return columns_left > kLanes ? kStrip : kLanes; }

Index PackedSize(Index k, Index n) { return k * RoundUp(n, kLanes); }

void Pack(const float* b, Index row_stride, Index column_stride, Index k, Index n, float* packed) {
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index used = n - j < width ? n - j : width;
    float* strip = packed + j * k;
    if (column_stride == 1) {
      for (Index p = 0; p < k; p++) {
        const float* from = b + p * row_stride + j;
        float* to = strip + p * width;
        if (used == kStrip) {
          Store(to, Load(from));
          Store(to + kLanes, Load(from + kLanes));
        } else {
          for (Index i = 0; i < used; i++) to[i] = from[i];
          for (Index i = used; i < width; i++) to[i] = 0.0f;
        }
      }
    } else {
      for (Index p = 0; p < k; p++) {
        const float* from = b + p * row_stride + j * column_stride;
        float* to = strip + p * width;
        for (Index i = 0; i < used; i++) to[i] = from[i * column_stride];
        for (Index i = used; i < width; i++) to[i] = 0.0f;
      }
    }
  }
}

// One tile: Rows x (Vectors x kLanes) sums over k, of which `columns` are kept.
template <int Rows, int Vectors, bool Transposed>
void Tile(Index k, const float* a, Index ld_a, const float* strip, const float* bias, bool accumulate, float* c,
          Index ld_c, Index columns) {
  Vector sums[Rows][Vectors];
  const bool whole = columns == Vectors * kLanes;
  const auto read = [&](const float* from, int v) -> Vector {
    if (whole) return Load(from + v * kLanes);
    const Index left = columns - v * kLanes;
    return LoadPart(from + v * kLanes, left < 0 ? 0 : left < kLanes ? left : kLanes);
  };
#pragma GCC unroll 16
  for (int v = 0; v < Vectors; v++) {
    const Vector start = bias == nullptr ? Vector{} : read(bias, v);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++) sums[i][v] = start;
  }
  for (Index p = 0; p < k; p++) {
    Vector b[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; v++) b[v] = Load(strip + (p * Vectors + v) * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++) {
      const float element = Transposed ? a[p * ld_a + i] : a[i * ld_a + p];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; v++) sums[i][v] += element * b[v];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++) {
    float* row = c + i * ld_c;
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; v++) {
      const Vector sum = accumulate ? sums[i][v] + read(row, v) : sums[i][v];
      if (whole) {
        Store(row + v * kLanes, sum);
      } else {
        const Index left = columns - v * kLanes;
        if (left > 0) StorePart(row + v * kLanes, sum, left < kLanes ? left : kLanes);
      }
    }
  }
}

// The tile with `rows` rows, 1 to Rows.
template <int Rows, int Vectors, bool Transposed>
struct Tiles {
  static void Run(Index rows, Index k, const float* a, Index ld_a, const float* strip, const float* bias,
                  bool accumulate, float* c, Index ld_c, Index columns) {
    if (rows == Rows) {
      Tile<Rows, Vectors, Transposed>(k, a, ld_a, strip, bias, accumulate, c, ld_c, columns);
    } else {
      Tiles<Rows - 1, Vectors, Transposed>::Run(rows, k, a, ld_a, strip, bias, accumulate, c, ld_c, columns);
    }
  }
};
template <int Vectors, bool Transposed>
struct Tiles<0, Vectors, Transposed> {
  static void Run(Index, Index, const float*, Index, const float*, const float*, bool, float*, Index, Index) {}
};

template <bool Transposed>
void ProductOf(Index m, Index n, Index k, const float* a, Index ld_a, const float* packed, const float* bias,
               bool accumulate, float* c, Index ld_c) {
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index columns = n - j < width ? n - j : width;
    const float* strip_bias = bias == nullptr ? nullptr : bias + j;
    for (Index i = 0; i < m; i += kTileRows) {
      const Index rows = m - i < kTileRows ? m - i : kTileRows;
      const float* tile_a = Transposed ? a + i : a + i * ld_a;
      const auto run = width == kStrip ? Tiles<kTileRows, 2, Transposed>::Run : Tiles<kTileRows, 1, Transposed>::Run;
      run(rows, k, tile_a, ld_a, packed + j * k, strip_bias, accumulate, c + i * ld_c + j, ld_c, columns);
    }
  }
}

void Product(Index m, Index n, Index k, const float* a, Index ld_a, bool transposed, const float* packed,
             const float* bias, bool accumulate, float* c, Index ld_c) {
  if (transposed) {
    ProductOf<true>(m, n, k, a, ld_a, packed, bias, accumulate, c, ld_c);
  } else {
    ProductOf<false>(m, n, k, a, ld_a, packed, bias, accumulate, c, ld_c);
  }
}

}  // namespace

#endif  // SITJS_PRODUCT_H_
