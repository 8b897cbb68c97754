// Batch normalisation of a few columns over all rows. A column's sums are made in the order of its rows, in double.
#ifndef SITJS_BATCH_NORM_H_
#define SITJS_BATCH_NORM_H_

#include "vector.h"

namespace {

using sitjs::kNormColumns;

void BatchStatistics(Index rows, Index columns, Index ld, const float* x, float* mean, float* variance) {
  double sums[kNormColumns] = {};
  double squares[kNormColumns] = {};
  const double share = 1.0 / static_cast<double>(rows);
  for (Index row = 0; row < rows; row++) {
    const float* in = x + row * ld;
#pragma omp simd
    for (Index i = 0; i < columns; i++) sums[i] += static_cast<double>(in[i]);
  }
  for (Index i = 0; i < columns; i++) sums[i] *= share;
  for (Index row = 0; row < rows; row++) {
    const float* in = x + row * ld;
#pragma omp simd
    for (Index i = 0; i < columns; i++) {
      const double centred = static_cast<double>(in[i]) - sums[i];
      squares[i] += centred * centred;
    }
  }
  for (Index i = 0; i < columns; i++) {
    mean[i] = static_cast<float>(sums[i]);
    variance[i] = static_cast<float>(squares[i] * share);
  }
}

void InverseDeviation(Index columns, const float* variance, float epsilon, float* inverse) {
  for (Index i = 0; i < columns; i++) inverse[i] = 1.0f / __builtin_sqrtf(variance[i] + epsilon);
}

void BatchNormalize(Index rows, Index columns, Index ld, const float* x, const float* __restrict mean,
                    const float* variance, const float* gamma, const float* beta, float epsilon, float* y) {
  float scale[kNormColumns];
  float shift[kNormColumns] = {};
  InverseDeviation(columns, variance, epsilon, scale);
  for (Index i = 0; i < columns && gamma != nullptr; i++) scale[i] *= gamma[i];
  for (Index i = 0; i < columns && beta != nullptr; i++) shift[i] = beta[i];
  for (Index row = 0; row < rows; row++) {
    const float* __restrict in = x + row * ld;
    float* __restrict out = y + row * ld;
#pragma omp simd
    for (Index i = 0; i < columns; i++) out[i] = (in[i] - mean[i]) * scale[i] + shift[i];
  }
}

void BatchNormGradient(Index rows, Index columns, Index ld, const float* dy, const float* x,
                       const float* __restrict mean, const float* variance, const float* gamma, float epsilon,
                       float* dx, float* d_gamma, float* d_beta) {
  float inverse[kNormColumns];
  InverseDeviation(columns, variance, epsilon, inverse);
  double sums[kNormColumns] = {};
  double weighted[kNormColumns] = {};
  for (Index row = 0; row < rows; row++) {
    const float* d = dy + row * ld;
    const float* in = x + row * ld;
#pragma omp simd
    for (Index i = 0; i < columns; i++) {
      const float normal = (in[i] - mean[i]) * inverse[i];
      sums[i] += static_cast<double>(d[i]);
      weighted[i] += static_cast<double>(d[i]) * static_cast<double>(normal);
    }
  }
  const double share = 1.0 / static_cast<double>(rows);
  float scale[kNormColumns], d_mean[kNormColumns], d_normal_mean[kNormColumns];
  for (Index i = 0; i < columns; i++) {
    d_beta[i] = static_cast<float>(sums[i]);
    d_gamma[i] = static_cast<float>(weighted[i]);
    d_mean[i] = static_cast<float>(sums[i] * share);
    d_normal_mean[i] = static_cast<float>(weighted[i] * share);
    scale[i] = gamma == nullptr ? inverse[i] : inverse[i] * gamma[i];
  }
  for (Index row = 0; row < rows; row++) {
    const float* __restrict d = dy + row * ld;
    const float* __restrict in = x + row * ld;
    float* __restrict out = dx + row * ld;
#pragma omp simd
    for (Index i = 0; i < columns; i++) {
      const float normal = (in[i] - mean[i]) * inverse[i];
      out[i] = (d[i] - d_mean[i] - normal * d_normal_mean[i]) * scale[i];
    }
  }
}

constexpr sitjs::BatchNormTable kBatchNorm = {BatchStatistics, BatchNormalize, BatchNormGradient};

}  // namespace

#endif  // SITJS_BATCH_NORM_H_
