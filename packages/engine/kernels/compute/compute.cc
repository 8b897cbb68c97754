// Compiled once per instruction set, with its flags and SITJS_TABLE naming the table it exports.
#include "attention.h"
#include "batch_norm.h"
#include "functions.h"
#include "pixels.h"
#include "product.h"

namespace {

using sitjs::AdamWSettings;

// y may be x.
void Gelu(Index count, const float* x, float* y) {
#pragma omp simd
  for (Index i = 0; i < count; i++) y[i] = x[i] * NormalAt(x[i]).cumulative;
}

void GeluGradient(Index count, const float* __restrict dy, const float* __restrict x, float* __restrict dx) {
#pragma omp simd
  for (Index i = 0; i < count; i++) {
    const Normal normal = NormalAt(x[i]);
    dx[i] = dy[i] * (normal.cumulative + x[i] * normal.density);
  }
}

void GeluBoth(Index count, const float* dy, const float* __restrict x, float* __restrict y, float* dx) {
#pragma omp simd
  for (Index i = 0; i < count; i++) {
    const Normal normal = NormalAt(x[i]);
    y[i] = x[i] * normal.cumulative;
    dx[i] = dy[i] * (normal.cumulative + x[i] * normal.density);
  }
}

void AddTo(Index count, const float* __restrict x, float* __restrict sum) {
#pragma omp simd
  for (Index i = 0; i < count; i++) sum[i] += x[i];
}

void AddScaled(Index count, const float* a, float factor, const float* b, float* out) {
#pragma omp simd
  for (Index i = 0; i < count; i++) out[i] = a[i] + factor * b[i];
}

void Scaled(Index count, float factor, const float* __restrict x, float* __restrict out) {
#pragma omp simd
  for (Index i = 0; i < count; i++) out[i] = factor * x[i];
}

void StreamCopy(Index count, const float* from, float* to) {
  Index i = 0;
  if (CanStream(to, 0)) {
    for (; i + kLanes <= count; i += kLanes) Stream(to + i, Load(from + i));
    FinishStreaming();
  }
  __builtin_memcpy(to + i, from + i, sizeof(float) * static_cast<size_t>(count - i));
}

void AddRows(Index rows, Index columns, const float* x, Index ld, float* sums) {
  for (Index row = 0; row < rows; row++) AddTo(columns, x + row * ld, sums);
}

void LayerNorm(Index rows, Index features, const float* x, const float* __restrict gamma,
               const float* __restrict beta, float epsilon, float* y, float* mean, float* inverse) {
  const float share = 1.0f / static_cast<float>(features);
  for (Index row = 0; row < rows; row++) {
    const float* __restrict in = x + row * features;
    float* __restrict out = y + row * features;
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (Index i = 0; i < features; i++) sum += in[i];
    const float mu = sum * share;
    float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
    for (Index i = 0; i < features; i++) squares += (in[i] - mu) * (in[i] - mu);
    const float scale = 1.0f / __builtin_sqrtf(squares * share + epsilon);
#pragma omp simd
    for (Index i = 0; i < features; i++) out[i] = (in[i] - mu) * scale * gamma[i] + beta[i];
    mean[row] = mu;
    inverse[row] = scale;
  }
}

void LayerNormGradient(Index rows, Index features, const float* dy, const float* x, const float* __restrict gamma,
                       const float* mean, const float* inverse, float* dx, float* __restrict d_gamma,
                       float* __restrict d_beta) {
  const float share = 1.0f / static_cast<float>(features);
  for (Index row = 0; row < rows; row++) {
    const float* __restrict d = dy + row * features;
    const float* __restrict in = x + row * features;
    float* __restrict out = dx + row * features;
    const float mu = mean[row];
    const float scale = inverse[row];
    float sum = 0.0f;
    float weighted = 0.0f;
#pragma omp simd reduction(+ : sum, weighted)
    for (Index i = 0; i < features; i++) {
      const float normal = (in[i] - mu) * scale;
      const float scaled = d[i] * gamma[i];
      sum += scaled;
      weighted += scaled * normal;
      d_gamma[i] += d[i] * normal;
      d_beta[i] += d[i];
    }
    sum *= share;
    weighted *= share;
#pragma omp simd
    for (Index i = 0; i < features; i++) {
      out[i] = (d[i] * gamma[i] - sum - (in[i] - mu) * scale * weighted) * scale;
    }
  }
}

void PairRowsTight(const float* b, Index ld, Index k, Index columns, Word* to) {
  PairRows(b, ld, k, columns, columns, to);
}

void FloatAttention(Index tokens, Index head, const float* q, const float* k, const float* v, Index stride, float* out,
                    Index out_stride, float* scratch) {
  Attention<Floats>(tokens, head, {q, stride}, {k, stride}, {v, stride}, out, out_stride, scratch);
}

void FloatAttentionGradient(Index tokens, Index head, const float* q, const float* k, const float* v, Index stride,
                            const float* d_out, Index out_stride, float* dq, float* dk, float* dv, float* scratch) {
  AttentionGradient<Floats>(tokens, head, {q, stride}, {k, stride}, {v, stride}, d_out, out_stride, dq, dk, dv, stride,
                            scratch);
}

void RoundedAttention(Index tokens, Index head, const Word* qkv, float* out, Index out_stride, float* scratch) {
  const Index ld = Pairs(head), size = tokens * ld;
  Attention<BFloat16>(tokens, head, {qkv, ld}, {qkv + size, ld}, {qkv + 2 * size, ld}, out, out_stride, scratch);
}

void RoundedAttentionGradient(Index tokens, Index head, const Word* qkv, const float* d_out, Index out_stride, float* dq,
                              float* dk, float* dv, Index stride, float* scratch) {
  const Index ld = Pairs(head), size = tokens * ld;
  AttentionGradient<BFloat16>(tokens, head, {qkv, ld}, {qkv + size, ld}, {qkv + 2 * size, ld}, d_out, out_stride, dq, dk,
                              dv, stride, scratch);
}

double SumSquares(Index count, const float* x) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < count; i++) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

// Element by element: each of the last three may be its counterpart before.
void AdamW(Index count, const AdamWSettings& settings, float clip, float decay, float rate, const float* old,
           const float* gradient, const float* first, const float* second, float* next, float* next_first,
           float* next_second) {
  const AdamWSettings s = settings;
#pragma omp simd
  for (Index i = 0; i < count; i++) {
    const float g = gradient[i] * clip;
    const float m = first[i] * s.beta1 + g * s.one_minus_beta1;
    const float v = second[i] * s.beta2 + g * g * s.one_minus_beta2;
    next_first[i] = m;
    next_second[i] = v;
    next[i] = old[i] * decay - m / (__builtin_sqrtf(v) * s.inverse_root_correction2 + s.epsilon) * rate;
  }
}

void Blend(Index count, const float* a, float weight_a, const float* b, float weight_b, float* out) {
#pragma omp simd
  for (Index i = 0; i < count; i++) out[i] = a[i] * weight_a + b[i] * weight_b;
}

}  // namespace

#define SITJS_TEXT_OF(name) #name
#define SITJS_TEXT(name) SITJS_TEXT_OF(name)

namespace sitjs {

extern const RandomTable SITJS_JOIN(SITJS_TABLE, _random);
extern const Compute SITJS_TABLE;
const Compute SITJS_TABLE = {
    SITJS_TEXT(SITJS_TABLE),
    // Products
    PackedSize<Floats>, Pack, Product<Floats>,
    PackedSize<BFloat16>, PackRounded, PackPairs, Product<BFloat16>, StreamCopy,
    PairRow, UnpairRow, PairRowsTight,
    // Activation and sums
    Gelu, GeluGradient, GeluBoth, AddRows, AddScaled, Scaled, AddTo,
    LayerNorm, LayerNormGradient,
    AttentionScratch<Floats>, FloatAttention, FloatAttentionGradient,
    AttentionScratch<BFloat16>, RoundedAttention, RoundedAttentionGradient,
    // Optimizer
    SumSquares, AdamW, Blend,
    // Groups, and what has an object of its own
    kPixels, kBatchNorm, &SITJS_JOIN(SITJS_TABLE, _random),
};

}  // namespace sitjs
