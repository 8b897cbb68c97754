// Attention of one head of one sample. Query rows are taken a block at a time, so that their scores stay in cache
// whatever the number of tokens; the gradient makes the scores anew instead of keeping them from the forward pass.
#ifndef SITJS_ATTENTION_H_
#define SITJS_ATTENTION_H_

#include "functions.h"
#include "product.h"

namespace {

// A multiple of the tile heights 6, 12 and 14.
constexpr Index kQueryBlock = 252;

// softmax(scale x row) in place.
inline void SoftmaxRow(Index count, float scale, float* row) {
  float largest = row[0];
  Index i = 0;
  if (count >= kLanes) {
    Vector m = Load(row);
    for (i = kLanes; i + kLanes <= count; i += kLanes) {
      const Vector v = Load(row + i);
      m = v > m ? v : m;
    }
    for (Index lane = 0; lane < kLanes; lane++) largest = m[lane] > largest ? m[lane] : largest;
  }
  for (; i < count; i++) largest = row[i] > largest ? row[i] : largest;
  float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < count; j++) {
    const float e = Exp(scale * (row[j] - largest));
    row[j] = e;
    sum += e;
  }
  const float inverse = 1.0f / sum;
#pragma omp simd
  for (Index j = 0; j < count; j++) row[j] *= inverse;
}

inline Index Larger(Index a, Index b) { return a > b ? a : b; }
inline Index Smaller(Index a, Index b) { return a < b ? a : b; }

// A matrix that a product reads: `ld` elements from one row to the next.
template <class Kind>
struct Rows {
  const typename Kind::Element* at;
  Index ld;
  Rows From(Index row) const { return {at + row * ld, ld}; }
};

// How floats become operands of either kind. `room` is for what has to be made: nothing for floats.
template <class Kind>
struct Operands;

template <>
struct Operands<Floats> {
  static Index Room(Index, Index) { return 0; }
  static Rows<Floats> Left(const float* x, Index ld, Index, Index, float*) { return {x, ld}; }
  static Rows<Floats> LeftTransposed(const float* x, Index ld, Index, Index, float*) { return {x, ld}; }
  // B(p, j) = rows[p][j]
  static void Right(Rows<Floats> rows, Index k, Index n, float* packed) { Pack(rows.at, rows.ld, 1, k, n, packed, 0, k); }
  // B(p, j) = rows[j][p]
  static void RightTransposed(Rows<Floats> rows, Index k, Index n, float* packed) {
    Pack(rows.at, 1, rows.ld, k, n, packed, 0, k);
  }
};

template <>
struct Operands<BFloat16> {
  static Index Room(Index rows, Index columns) {
    return Larger(rows * Pairs(columns), Pairs(rows) * columns);
  }
  static Rows<BFloat16> Left(const float* x, Index ld, Index rows, Index columns, Word* room) {
    for (Index i = 0; i < rows; i++) PairRow(columns, x + i * ld, room + i * Pairs(columns));
    return {room, Pairs(columns)};
  }
  static Rows<BFloat16> LeftTransposed(const float* x, Index ld, Index rows, Index columns, Word* room) {
    PairRows(x, ld, rows, columns, columns, room);
    return {room, columns};
  }
  static void Right(Rows<BFloat16> rows, Index k, Index n, Word* packed) { PackPairs(rows.at, rows.ld, k, n, packed); }
  static void RightTransposed(Rows<BFloat16> rows, Index k, Index n, Word* packed) {
    const Index pairs = Pairs(k);
    for (Index j = 0; j < n; j += kStrip) {
      const Index width = StripWidth(n - j);
      TransposeStrip(rows.at + j * rows.ld, rows.ld, pairs, Smaller(width, n - j), width, packed + j * pairs);
    }
  }
};

// Room for a block's scores (and their gradient), four packed matrices at most, and operands made on the way.
template <class Kind>
Index AttentionScratch(Index tokens, Index head, bool gradient) {
  const Index block = Smaller(tokens, kQueryBlock);
  const Index scores = block * RoundUp(tokens, kLanes);
  const Index packed = PackedSize<Kind>(head, tokens) + PackedSize<Kind>(tokens, head);
  const Index made = Operands<Kind>::Room(block, tokens) + Operands<Kind>::Room(block, head);
  return gradient ? 2 * scores + 2 * packed + made : scores + packed + made;
}

template <class Kind>
void Attention(Index tokens, Index head, Rows<Kind> q, Rows<Kind> k, Rows<Kind> v, float* out, Index out_stride,
               float* scratch) {
  using Element = typename Kind::Element;
  const Index ld = RoundUp(tokens, kLanes);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  float* scores = scratch;
  Element* keys = reinterpret_cast<Element*>(scores + Smaller(tokens, kQueryBlock) * ld);
  Element* values = keys + PackedSize<Kind>(head, tokens);
  Element* room = values + PackedSize<Kind>(tokens, head);
  Operands<Kind>::RightTransposed(k, head, tokens, keys);
  Operands<Kind>::Right(v, tokens, head, values);
  for (Index start = 0; start < tokens; start += kQueryBlock) {
    const Index rows = Smaller(kQueryBlock, tokens - start);
    Product<Kind>(rows, tokens, head, q.From(start).at, q.ld, false, keys, nullptr, Output::kWrite, scores, ld);
    for (Index i = 0; i < rows; i++) SoftmaxRow(tokens, scale, scores + i * ld);
    const Rows<Kind> weights = Operands<Kind>::Left(scores, ld, rows, tokens, room);
    Product<Kind>(rows, head, tokens, weights.at, weights.ld, false, values, nullptr, Output::kWrite, out + start * out_stride,
                  out_stride);
  }
}

template <class Kind>
void AttentionGradient(Index tokens, Index head, Rows<Kind> q, Rows<Kind> k, Rows<Kind> v, const float* d_out,
                       Index out_stride, float* dq, float* dk, float* dv, Index stride, float* scratch) {
  using Element = typename Kind::Element;
  const Index ld = RoundUp(tokens, kLanes);
  const Index block = Smaller(tokens, kQueryBlock);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  float* weights = scratch;
  float* d_scores = weights + block * ld;
  Element* keys_transposed = reinterpret_cast<Element*>(d_scores + block * ld);
  Element* keys = keys_transposed + PackedSize<Kind>(head, tokens);
  Element* values_transposed = keys + PackedSize<Kind>(tokens, head);
  Element* packed = values_transposed + PackedSize<Kind>(head, tokens);
  Element* room = packed + PackedSize<Kind>(tokens, head);
  Element* d_room = room + Operands<Kind>::Room(block, tokens);
  Operands<Kind>::RightTransposed(k, head, tokens, keys_transposed);
  Operands<Kind>::Right(k, tokens, head, keys);
  Operands<Kind>::RightTransposed(v, head, tokens, values_transposed);
  for (Index start = 0; start < tokens; start += kQueryBlock) {
    const Index rows = Smaller(kQueryBlock, tokens - start);
    const Output add = start > 0 ? Output::kAdd : Output::kWrite;
    const Rows<Kind> queries = q.From(start);
    Product<Kind>(rows, tokens, head, queries.at, queries.ld, false, keys_transposed, nullptr, Output::kWrite, weights, ld);
    for (Index i = 0; i < rows; i++) SoftmaxRow(tokens, scale, weights + i * ld);

    const Rows<Kind> d = Operands<Kind>::Left(d_out + start * out_stride, out_stride, rows, head, d_room);
    Operands<Kind>::Right(d, rows, head, packed);
    Rows<Kind> left = Operands<Kind>::LeftTransposed(weights, ld, rows, tokens, room);
    Product<Kind>(tokens, head, rows, left.at, left.ld, true, packed, nullptr, add, dv, stride);

    Product<Kind>(rows, tokens, head, d.at, d.ld, false, values_transposed, nullptr, Output::kWrite, d_scores, ld);
    for (Index i = 0; i < rows; i++) {
      const float* w = weights + i * ld;
      float* s = d_scores + i * ld;
      float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
      for (Index j = 0; j < tokens; j++) dot += w[j] * s[j];
#pragma omp simd
      for (Index j = 0; j < tokens; j++) s[j] = w[j] * (s[j] - dot) * scale;
    }

    left = Operands<Kind>::Left(d_scores, ld, rows, tokens, room);
    Product<Kind>(rows, head, tokens, left.at, left.ld, false, keys, nullptr, Output::kWrite, dq + start * stride, stride);
    left = Operands<Kind>::LeftTransposed(d_scores, ld, rows, tokens, room);
    Operands<Kind>::Right(queries, rows, head, packed);
    Product<Kind>(tokens, head, rows, left.at, left.ld, true, packed, nullptr, add, dk, stride);
  }
}

}  // namespace

#endif  // SITJS_ATTENTION_H_
