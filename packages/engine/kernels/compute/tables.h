// Groups of functions of one instruction set's build, by what they are for; `Compute` holds one of each. All work on
// one thread, as all of `Compute` does.
#ifndef SITJS_TABLES_H_
#define SITJS_TABLES_H_

#include <stddef.h>
#include <stdint.h>

// The name of a table of this build that lies in an object of its own: SITJS_JOIN(SITJS_TABLE, _random).
#define SITJS_JOINED(a, b) a##b
#define SITJS_JOIN(a, b) SITJS_JOINED(a, b)

namespace sitjs {

using Index = ptrdiff_t;

// Values that one mask value stands for lie together: x, clean [pixels, channels], mask [pixels] or null for ones.
struct PixelTable {
  // A row of patches: from [patch, columns, patch, channels] to [columns, channels, patch, patch], and back.
  void (*patchify)(Index patch, Index columns, Index channels, const float* image, float* patches);
  void (*unpatchify)(Index patch, Index columns, Index channels, const float* patches, float* image);
  // Sums of mask x |x - clean| (or its square) and of the mask.
  void (*masked_error)(Index pixels, Index channels, bool squared, const float* x, const float* clean,
                       const float* mask, double* error, double* weight);
  // dx = scale x mask x sign(x - clean) (or 2 (x - clean)).
  void (*masked_error_gradient)(Index pixels, Index channels, bool squared, const float* x, const float* clean,
                                const float* mask, float scale, float* dx);
};

// Columns that one call takes, at most: their sums lie on the stack.
constexpr Index kNormColumns = 64;

// All of [rows, columns] with rows ld apart; columns at most kNormColumns. Null gamma: ones; null beta: zeros.
struct BatchNormTable {
  void (*statistics)(Index rows, Index columns, Index ld, const float* x, float* mean, float* variance);
  void (*normalize)(Index rows, Index columns, Index ld, const float* x, const float* mean, const float* variance,
                    const float* gamma, const float* beta, float epsilon, float* y);
  // Through the batch's statistics.
  void (*gradient)(Index rows, Index columns, Index ld, const float* dy, const float* x, const float* mean,
                   const float* variance, const float* gamma, float epsilon, float* dx, float* d_gamma,
                   float* d_beta);
};

// Floats of the counter-based stream of a key, from block `block` (of four floats) on.
struct RandomTable {
  void (*uniform)(uint32_t key0, uint32_t key1, uint64_t block, Index count, float* out);
  void (*normal)(uint32_t key0, uint32_t key1, uint64_t block, Index count, float* out);
};

}  // namespace sitjs

#endif  // SITJS_TABLES_H_
