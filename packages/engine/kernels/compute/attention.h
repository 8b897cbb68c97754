// Attention of one head of one sample. Tokens are few (17 to some hundred), so the whole score matrix stays in cache;
// the gradient makes it anew instead of keeping it from the forward pass.
#ifndef SITJS_ATTENTION_H_
#define SITJS_ATTENTION_H_

#include "functions.h"
#include "product.h"

namespace {

// softmax(scale x row) in place; zero from `count` to `padded`.
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

// Scores and their gradient, and room for one packed operand.
Index AttentionScratch(Index tokens, Index head, bool gradient) {
  const Index packed = Larger(PackedSize(head, tokens), PackedSize(tokens, head));
  return (gradient ? 2 : 1) * tokens * RoundUp(tokens, kLanes) + packed;
}

// weights [tokens, ld] = softmax(q kᵀ / √head)
void Weights(Index tokens, Index head, const float* q, const float* k, Index stride, float* weights, Index ld,
             float* packed, float scale) {
  Pack(k, 1, stride, head, tokens, packed);
  Product(tokens, tokens, head, q, stride, false, packed, nullptr, false, weights, ld);
  for (Index i = 0; i < tokens; i++) SoftmaxRow(tokens, scale, weights + i * ld);
}

void Attention(Index tokens, Index head, const float* q, const float* k, const float* v, Index stride, float* out,
               Index out_stride, float* scratch) {
  const Index ld = RoundUp(tokens, kLanes);
  float* packed = scratch + tokens * ld;
  Weights(tokens, head, q, k, stride, scratch, ld, packed, 1.0f / __builtin_sqrtf(static_cast<float>(head)));
  Pack(v, stride, 1, tokens, head, packed);
  Product(tokens, head, tokens, scratch, ld, false, packed, nullptr, false, out, out_stride);
}

void AttentionGradient(Index tokens, Index head, const float* q, const float* k, const float* v, Index stride,
                       const float* d_out, Index out_stride, float* dq, float* dk, float* dv, float* scratch) {
  const Index ld = RoundUp(tokens, kLanes);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head));
  float* weights = scratch;
  float* d_scores = weights + tokens * ld;
  float* packed = d_scores + tokens * ld;
  Weights(tokens, head, q, k, stride, weights, ld, packed, scale);

  Pack(d_out, out_stride, 1, tokens, head, packed);
  Product(tokens, head, tokens, weights, ld, true, packed, nullptr, false, dv, stride);

  Pack(v, 1, stride, head, tokens, packed);
  Product(tokens, tokens, head, d_out, out_stride, false, packed, nullptr, false, d_scores, ld);
  for (Index i = 0; i < tokens; i++) {
    const float* w = weights + i * ld;
    float* d = d_scores + i * ld;
    float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
    for (Index j = 0; j < tokens; j++) dot += w[j] * d[j];
#pragma omp simd
    for (Index j = 0; j < tokens; j++) d[j] = w[j] * (d[j] - dot) * scale;
  }

  Pack(k, stride, 1, tokens, head, packed);
  Product(tokens, head, tokens, d_scores, ld, false, packed, nullptr, false, dq, stride);
  Pack(q, stride, 1, tokens, head, packed);
  Product(tokens, head, tokens, d_scores, ld, true, packed, nullptr, false, dk, stride);
}

}  // namespace

#endif  // SITJS_ATTENTION_H_
