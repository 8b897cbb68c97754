// Matrix products: B packed into strips of two vectors, A read where it lies, tiles of sums kept in registers. One code
// for two kinds of operands: floats, and pairs of bfloat16, where one element is two neighbours along the summed axis.
#ifndef SITJS_PRODUCT_H_
#define SITJS_PRODUCT_H_

#include "bfloat16.h"
#include "vector.h"

namespace {

using sitjs::Output;

struct Floats {
  using Element = float;
  using Lanes = Vector;
  static Index Elements(Index k) { return k; }
  static Vector Add(Vector sum, float a, Vector b) { return sum + a * b; }
};

struct BFloat16 {
  using Element = Word;
  using Lanes = Words;
  static Index Elements(Index k) { return Pairs(k); }
  static Vector Add(Vector sum, Word a, Words b) { return AddPairProducts(sum, a, b); }
};

constexpr Index kStrip = 2 * kLanes;

// Two vectors wide, the last one only one where that holds all that is left.
inline Index StripWidth(Index columns_left) { return columns_left > kLanes ? kStrip : kLanes; }

// In elements.
template <class Kind>
Index PackedSize(Index k, Index n) {
  return Kind::Elements(k) * RoundUp(n, kLanes);
}

// from[column * ld + p] to to[p * width + column] for `used` columns, 0 in those up to `width`.
void TransposeStrip(const Word* from, Index ld, Index elements, Index used, Index width, Word* to) {
  Index p = 0;
  for (; p + kLanes <= elements; p += kLanes) {
    Index column = 0;
    for (; column + kLanes <= used; column += kLanes) {
      TransposeBlock(from + column * ld + p, ld, to + p * width + column, width);
    }
    if (column == width) continue;
    for (Index q = p; q < p + kLanes; q++) {
      for (Index i = column; i < used; i++) to[q * width + i] = from[i * ld + q];
      for (Index i = used; i < width; i++) to[q * width + i] = 0;
    }
  }
  for (; p < elements; p++) {
    for (Index i = 0; i < used; i++) to[p * width + i] = from[i * ld + p];
    for (Index i = used; i < width; i++) to[p * width + i] = 0;
  }
}

// B(p, j) = b[p * row_stride + j * column_stride]; one of the strides is 1. It becomes the elements from `at` on of the
// `total` that the packed matrix has along the summed axis.
void Pack(const float* b, Index row_stride, Index column_stride, Index k, Index n, float* packed, Index at,
          Index total) {
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index used = n - j < width ? n - j : width;
    float* strip = packed + j * total + at * width;
    if (column_stride != 1) {
      TransposeStrip(reinterpret_cast<const Word*>(b + j * column_stride), column_stride, k, used, width,
                     reinterpret_cast<Word*>(strip));
      continue;
    }
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
  }
}

// Rows p and p + 1 of b [k, columns] with rows ld apart, pairwise, to rows of `width`; zeros from `columns` on.
void PairRows(const float* b, Index ld, Index k, Index columns, Index width, Word* to) {
  for (Index p = 0; p < k; p += 2, to += width) {
    const float* first = b + p * ld;
    const bool odd = p + 1 == k;
    const float* second = odd ? first : first + ld;
    Index i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      Store(to + i, PairLanes(Load(first + i), odd ? Vector{} : Load(second + i)));
    }
    for (; i < columns; i++) to[i] = Pair(first[i], odd ? 0.0f : second[i]);
    for (; i < width; i++) to[i] = 0;
  }
}

// As Pack, rounded; `room` holds kStrip x Pairs(k) words.
void PackRounded(const float* b, Index row_stride, Index column_stride, Index k, Index n, Word* packed, Index at,
                 Index total, Word* room) {
  const Index pairs = Pairs(k);
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index used = n - j < width ? n - j : width;
    Word* strip = packed + j * total + at * width;
    if (column_stride == 1) {
      PairRows(b + j, row_stride, k, used, width, strip);
    } else {
      for (Index i = 0; i < used; i++) PairRow(k, b + (j + i) * column_stride, room + i * pairs);
      TransposeStrip(room, pairs, pairs, used, width, strip);
    }
  }
}

// B from pairs along its columns: row p of `b` [k, Pairs(n)] has words ld apart from the next.
void PackPairs(const Word* b, Index ld, Index k, Index n, Word* packed) {
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index used = n - j < width ? n - j : width;
    Word* to = packed + j * Pairs(k);
    for (Index p = 0; p < k; p += 2, to += width) {
      const Word* first = b + p * ld + j / 2;
      const bool odd = p + 1 == k;
      const Word* second = odd ? first : first + ld;
      Index i = 0;
      for (; i + kStrip <= used; i += kStrip) {
        const Words a = Load(first + i / 2);
        const Words c = odd ? Words{} : Load(second + i / 2);
        const Words even_columns = (a & 0xffffu) | (c << 16);
        const Words odd_columns = (a >> 16) | (c & 0xffff0000u);
        Store(to + i, InterleaveLow(even_columns, odd_columns));
        Store(to + i + kLanes, InterleaveHigh(even_columns, odd_columns));
      }
      for (; i < used; i++) {
        const Word shift = i % 2 * 16;
        const Word low = (first[i / 2] >> shift) & 0xffffu;
        const Word high = odd ? 0 : (second[i / 2] >> shift) & 0xffffu;
        to[i] = low | (high << 16);
      }
      for (; i < width; i++) to[i] = 0;
    }
  }
}

// One tile: Rows x (Vectors x kLanes) sums over k elements, of which `columns` are kept.
template <class Kind, int Rows, int Vectors, bool Transposed>
void Tile(Index k, const typename Kind::Element* a, Index ld_a, const typename Kind::Element* strip, const float* bias,
          Output output, float* c, Index ld_c, Index columns) {
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
    typename Kind::Lanes b[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; v++) b[v] = Load(strip + (p * Vectors + v) * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++) {
      const typename Kind::Element element = Transposed ? a[p * ld_a + i] : a[i * ld_a + p];
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; v++) sums[i][v] = Kind::Add(sums[i][v], element, b[v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++) {
    float* row = c + i * ld_c;
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; v++) {
      const Vector sum = output == Output::kAdd ? sums[i][v] + read(row, v) : sums[i][v];
      if (whole && output == Output::kStream) {
        Stream(row + v * kLanes, sum);
      } else if (whole) {
        Store(row + v * kLanes, sum);
      } else {
        const Index left = columns - v * kLanes;
        if (left > 0) StorePart(row + v * kLanes, sum, left < kLanes ? left : kLanes);
      }
    }
  }
}

// The tile with `rows` rows, 1 to Rows.
template <class Kind, int Rows, int Vectors, bool Transposed>
struct Tiles {
  using Element = typename Kind::Element;
  static void Run(Index rows, Index k, const Element* a, Index ld_a, const Element* strip, const float* bias,
                  Output output, float* c, Index ld_c, Index columns) {
    if (rows == Rows) {
      Tile<Kind, Rows, Vectors, Transposed>(k, a, ld_a, strip, bias, output, c, ld_c, columns);
    } else {
      Tiles<Kind, Rows - 1, Vectors, Transposed>::Run(rows, k, a, ld_a, strip, bias, output, c, ld_c, columns);
    }
  }
};
template <class Kind, int Vectors, bool Transposed>
struct Tiles<Kind, 0, Vectors, Transposed> {
  using Element = typename Kind::Element;
  static void Run(Index, Index, const Element*, Index, const Element*, const float*, Output, float*, Index, Index) {}
};

template <class Kind, bool Transposed>
void ProductOf(Index m, Index n, Index k, const typename Kind::Element* a, Index ld_a,
               const typename Kind::Element* packed, const float* bias, Output output, float* c, Index ld_c) {
  const Index elements = Kind::Elements(k);
  for (Index j = 0; j < n; j += kStrip) {
    const Index width = StripWidth(n - j);
    const Index columns = n - j < width ? n - j : width;
    const float* strip_bias = bias == nullptr ? nullptr : bias + j;
    const auto run = width == kStrip ? Tiles<Kind, kTileRows, 2, Transposed>::Run
                                     : Tiles<Kind, kTileRows, 1, Transposed>::Run;
    for (Index i = 0; i < m; i += kTileRows) {
      const Index rows = m - i < kTileRows ? m - i : kTileRows;
      const typename Kind::Element* tile_a = Transposed ? a + i : a + i * ld_a;
      run(rows, elements, tile_a, ld_a, packed + j * elements, strip_bias, output, c + i * ld_c + j, ld_c, columns);
    }
  }
}

template <class Kind>
void Product(Index m, Index n, Index k, const typename Kind::Element* a, Index ld_a, bool transposed,
             const typename Kind::Element* packed, const float* bias, Output output, float* c, Index ld_c) {
  if (output == Output::kStream && !CanStream(c, ld_c)) output = Output::kWrite;
  if (transposed) {
    ProductOf<Kind, true>(m, n, k, a, ld_a, packed, bias, output, c, ld_c);
  } else {
    ProductOf<Kind, false>(m, n, k, a, ld_a, packed, bias, output, c, ld_c);
  }
  if (output == Output::kStream) FinishStreaming();
}

}  // namespace

#endif  // SITJS_PRODUCT_H_
