// What one instruction set's build of the computing code offers: plain functions on plain memory, each on one
// thread. compute.cc is compiled once per instruction set; ops/ chooses among the tables at run time.
#ifndef SITJS_COMPUTE_H_
#define SITJS_COMPUTE_H_

#include "tables.h"

namespace sitjs {

using Word = unsigned int;

// Rows a product's task is cut into: a multiple of the tile heights 6 and 14, so that few tiles are cut.
constexpr Index kRowBlock = 84;

// Columns of the widest strip of any build.
constexpr Index kPackRoom = 32;

// What a product does with its results: writes them; adds them to what is there; or writes them past the caches, for
// matrices that are larger than those and not read again soon (rows are multiples of a cache line then, or it is kWrite).
enum class Output { kWrite, kAdd, kStream };

struct AdamWSettings {
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float epsilon;
  // 1 / sqrt(1 - beta2^step)
  float inverse_root_correction2;
};

struct Compute {
  const char* name;

  // Operands of products are floats, or words that hold two bfloat16 each, neighbours along the summed axis (the first
  // one in the lower half): pairs(k) = (k + 1) / 2 of them stand for k numbers.

  // B(p, j) = b[p * row_stride + j * column_stride], one stride being 1, in strips of columns padded with zeros, for
  // `product`: the elements from `at` on of `total` along the summed axis.
  Index (*packed_size)(Index k, Index n);
  void (*pack)(const float* b, Index row_stride, Index column_stride, Index k, Index n, float* packed, Index at,
               Index total);
  // c[m, n] (rows ld_c apart) = A B, + bias[n] where given, + c for Output::kAdd. A(m, k) is a[m * ld_a + k], or
  // a[k * ld_a + m] where `transposed`.
  void (*product)(Index m, Index n, Index k, const float* a, Index ld_a, bool transposed, const float* packed,
                  const float* bias, Output output, float* c, Index ld_c);

  // The same of rounded operands; sizes, `at` and `total` in words. `room`: kPackRoom x pairs(k) words.
  Index (*rounded_size)(Index k, Index n);
  void (*pack_rounded)(const float* b, Index row_stride, Index column_stride, Index k, Index n, Word* packed, Index at,
                       Index total, Word* room);
  // B from rows of pairs(n) words, ld apart.
  void (*pack_pairs)(const Word* b, Index ld, Index k, Index n, Word* packed);
  void (*product_rounded)(Index m, Index n, Index k, const Word* a, Index ld_a, bool transposed, const Word* packed,
                          const float* bias, Output output, float* c, Index ld_c);
  // A copy that is written past the caches, as Output::kStream.
  void (*stream)(Index count, const float* from, float* to);
  // A row of `count` floats to words, and back.
  void (*pair_row)(Index count, const float* x, Word* pairs);
  void (*unpair_row)(Index count, const Word* pairs, float* x);
  // Rows 2p and 2p + 1 of b [k, columns], ld apart, to pairs(k) rows of `columns` words: A for a transposed product.
  void (*pair_rows)(const float* b, Index ld, Index k, Index columns, Word* to);

  void (*gelu)(Index count, const float* x, float* y);
  void (*gelu_gradient)(Index count, const float* dy, const float* x, float* dx);
  // Both at once: y = gelu(x), dx = dy gelu'(x); dx may be dy.
  void (*gelu_both)(Index count, const float* dy, const float* x, float* y, float* dx);
  // sums[columns] += the rows of x, which lie ld apart.
  void (*add_rows)(Index rows, Index columns, const float* x, Index ld, float* sums);
  // out = a + factor b, which may be out
  void (*add_scaled)(Index count, const float* a, float factor, const float* b, float* out);
  // out = factor x
  void (*scaled)(Index count, float factor, const float* x, float* out);
  // sum[i] += x[i]
  void (*add_to)(Index count, const float* x, float* sum);

  void (*layer_norm)(Index rows, Index features, const float* x, const float* gamma, const float* beta,
                     float epsilon, float* y, float* mean, float* inverse);
  // Adds to d_gamma and d_beta.
  void (*layer_norm_gradient)(Index rows, Index features, const float* dy, const float* x, const float* gamma,
                              const float* mean, const float* inverse, float* dx, float* d_gamma, float* d_beta);

  // One head of one sample: q, k, v [tokens, head] with rows `stride` apart; out with rows out_stride apart. Scratch in
  // floats.
  Index (*attention_scratch)(Index tokens, Index head, bool gradient);
  void (*attention)(Index tokens, Index head, const float* q, const float* k, const float* v, Index stride,
                    float* out, Index out_stride, float* scratch);
  void (*attention_gradient)(Index tokens, Index head, const float* q, const float* k, const float* v,
                             Index stride, const float* d_out, Index out_stride, float* dq, float* dk, float* dv,
                             float* scratch);
  // The same with rounded operands: qkv [3, tokens, pairs(head)].
  Index (*rounded_attention_scratch)(Index tokens, Index head, bool gradient);
  void (*rounded_attention)(Index tokens, Index head, const Word* qkv, float* out, Index out_stride, float* scratch);
  void (*rounded_attention_gradient)(Index tokens, Index head, const Word* qkv, const float* d_out, Index out_stride,
                                     float* dq, float* dk, float* dv, Index stride, float* scratch);

  double (*sum_squares)(Index count, const float* x);
  void (*adamw)(Index count, const AdamWSettings& settings, float clip, float decay, float rate, const float* old,
                const float* gradient, const float* first, const float* second, float* next, float* next_first,
                float* next_second);
  // out = a * weight_a + b * weight_b
  void (*blend)(Index count, const float* a, float weight_a, const float* b, float weight_b, float* out);

  // Groups, see tables.h.
  PixelTable pixels;
  BatchNormTable batch_norm;
  const RandomTable* random;
};

}  // namespace sitjs

#endif  // SITJS_COMPUTE_H_
