// Patches, and errors under a mask.
#ifndef SITJS_PIXELS_H_
#define SITJS_PIXELS_H_

#include "vector.h"

namespace {

// Channels and patch sizes that are usual are constants of the loops (0: not known), which then become vector code.
template <bool kToPatches, int kChannels, int kPatch>
void MoveBand(Index patch_size, Index columns, Index channel_count, const float* __restrict from,
              float* __restrict to) {
  const Index patch = kPatch == 0 ? patch_size : kPatch;
  const Index channels = kChannels == 0 ? channel_count : kChannels;
  for (Index column = 0; column < columns; column++) {
    for (Index i = 0; i < patch; i++) {
      const Index pixel = (i * columns + column) * patch * channels;
      const Index value = (column * channels * patch + i) * patch;
      for (Index channel = 0; channel < channels; channel++) {
        for (Index j = 0; j < patch; j++) {
          const Index in_image = pixel + j * channels + channel;
          const Index in_patches = value + channel * patch * patch + j;
          if (kToPatches) {
            to[in_patches] = from[in_image];
          } else {
            to[in_image] = from[in_patches];
          }
        }
      }
    }
  }
}

template <bool kToPatches, int kChannels>
void MoveBandOf(Index patch, Index columns, Index channels, const float* from, float* to) {
  const auto move = patch == 4    ? MoveBand<kToPatches, kChannels, 4>
                    : patch == 16 ? MoveBand<kToPatches, kChannels, 16>
                                  : MoveBand<kToPatches, kChannels, 0>;
  move(patch, columns, channels, from, to);
}

template <bool kToPatches>
void MoveAnyBand(Index patch, Index columns, Index channels, const float* from, float* to) {
  if (channels == 1) return MoveBandOf<kToPatches, 1>(patch, columns, channels, from, to);
  if (channels == 3) return MoveBandOf<kToPatches, 3>(patch, columns, channels, from, to);
  MoveBandOf<kToPatches, 0>(patch, columns, channels, from, to);
}

// Values that are weighed at once: whole pixels of three channels.
constexpr Index kWeights = 768;

// weights[i] = scale x the mask of value first + i, of `channels` values a pixel; null mask: ones.
void SpreadMask(Index first, Index count, Index channels, const float* mask, float scale, float* __restrict weights) {
  if (mask == nullptr) {
    for (Index i = 0; i < count; i++) weights[i] = scale;
    return;
  }
  Index pixel = first / channels;
  if (channels == 3) {
    const float* __restrict from = mask + pixel;
    for (Index i = 0; i < count / 3; i++) {
      const float weight = from[i] * scale;
      weights[3 * i] = weight;
      weights[3 * i + 1] = weight;
      weights[3 * i + 2] = weight;
    }
    return;
  }
  Index left = (pixel + 1) * channels - first;  // values of this pixel
  for (Index i = 0; i < count; pixel++, left = channels) {
    const float weight = mask[pixel] * scale;
    for (const Index end = i + left < count ? i + left : count; i < end; i++) weights[i] = weight;
  }
}

double Sum(Index count, const float* x) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < count; i++) sum += static_cast<double>(x[i]);
  return sum;
}

// In double: the squares of large floats are no floats, and the sum of many keeps its digits.
template <bool kSquared>
double SumError(Index count, const float* __restrict x, const float* __restrict clean, const float* __restrict weights) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < count; i++) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(clean[i]);
    const double error = kSquared ? difference * difference : __builtin_fabs(difference);
    sum += error * static_cast<double>(weights[i]);
  }
  return sum;
}

void MaskedError(Index pixels, Index channels, bool squared, const float* x, const float* clean, const float* mask,
                 double* error, double* weight) {
  float weights[kWeights];
  const Index count = pixels * channels;
  *error = 0.0;
  for (Index at = 0; at < count; at += kWeights) {
    const Index part = count - at < kWeights ? count - at : kWeights;
    SpreadMask(at, part, channels, mask, 1.0f, weights);
    *error += (squared ? SumError<true> : SumError<false>)(part, x + at, clean + at, weights);
  }
  *weight = mask == nullptr ? static_cast<double>(pixels) : Sum(pixels, mask);
}

template <bool kSquared>
void ErrorSlope(Index count, const float* __restrict x, const float* __restrict clean,
                const float* __restrict weights, float* __restrict dx) {
#pragma omp simd
  for (Index i = 0; i < count; i++) {
    const float difference = x[i] - clean[i];
    // The difference itself where it is 0 or NaN.
    const float sign = difference > 0.0f ? 1.0f : difference < 0.0f ? -1.0f : difference;
    dx[i] = (kSquared ? 2.0f * difference : sign) * weights[i];
  }
}

void MaskedErrorGradient(Index pixels, Index channels, bool squared, const float* x, const float* clean,
                         const float* mask, float scale, float* dx) {
  float weights[kWeights];
  const Index count = pixels * channels;
  for (Index at = 0; at < count; at += kWeights) {
    const Index part = count - at < kWeights ? count - at : kWeights;
    SpreadMask(at, part, channels, mask, scale, weights);
    (squared ? ErrorSlope<true> : ErrorSlope<false>)(part, x + at, clean + at, weights, dx + at);
  }
}

constexpr sitjs::PixelTable kPixels = {MoveAnyBand<true>, MoveAnyBand<false>, MaskedError, MaskedErrorGradient};

}  // namespace

#endif  // SITJS_PIXELS_H_
