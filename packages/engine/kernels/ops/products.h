// What linear layers and perceptrons share: packed weights, rows of operands in either precision, and the gradients of
// weights and biases. Everything is cut by the sizes alone, so results do not depend on the number of threads.
#ifndef SITJS_OPS_PRODUCTS_H_
#define SITJS_OPS_PRODUCTS_H_

#include "common.h"

namespace sitjs {

// Nanoseconds of one multiplication and addition, for a guess of a task's time.
constexpr double kProductNanoseconds = 0.02;

// Rows of x and of the gradient that one product of a weight's gradient takes at once: as many as keep a strip of x in
// the first cache.
constexpr Index ChunkRows(bool rounded) { return (rounded ? 4 : 2) * kRowBlock; }

// Rows of a weight's gradient that one task makes.
constexpr Index kBand = 168;

// Words that hold `count` numbers rounded to bfloat16.
inline Index Pairs(Index count) { return (count + 1) / 2; }

inline const Word* Words(const Tensor& tensor) {
  return reinterpret_cast<const Word*>(tensor.flat<tensorflow::int32>().data());
}

inline Word* Words(Tensor* tensor) { return reinterpret_cast<Word*>(tensor->flat<tensorflow::int32>().data()); }

// Bytes from which on a result is written past the caches: it would push out what is needed sooner.
constexpr Index kLarge = 4 << 20;

inline bool IsLarge(Index floats) { return floats * static_cast<Index>(sizeof(float)) >= kLarge; }

// A length of rows in words at which the rows of a tile do not all fall on the same few sets of the cache.
inline Index Spread(Index words) { return words % 512 == 0 ? words + 16 : words; }

inline absl::Status Allocate(OpKernelContext* context, Index floats, Tensor* memory) {
  return context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({floats}), memory);
}

// The right side of products: B(p, j) = b[p * row_stride + j * column_stride], [k, n].
class PackedMatrix {
 public:
  absl::Status Make(OpKernelContext* context, const float* b, Index row_stride, Index column_stride, Index k, Index n,
                    bool rounded) {
    k_ = k;
    n_ = n;
    rounded_ = rounded;
    const Index size = rounded ? Best().rounded_size(k, n) : Best().packed_size(k, n);
    TF_RETURN_IF_ERROR(Allocate(context, size, &memory_));
    const Index width = 128;  // a multiple of every build's strip, so that parts are independent
    const Index elements = rounded ? Pairs(k) : k;
    ForEach(context, Blocks(n, width), 0.3 * width * k, [&](Index task) {
      const Index column = task * width;
      const Index count = Least(width, n - column);
      const float* from = b + column * column_stride;
      float* to = Out(&memory_) + column * elements;
      if (rounded) {
        Best().pack_rounded(from, row_stride, column_stride, k, count, reinterpret_cast<Word*>(to), 0, elements,
                            reinterpret_cast<Word*>(Scratch(kPackRoom * elements)));
      } else {
        Best().pack(from, row_stride, column_stride, k, count, to, 0, elements);
      }
    });
    return absl::OkStatus();
  }

  // Words of room that Multiply wants.
  Index Room() const { return rounded_ ? kRowBlock * Spread(Pairs(k_)) : k_ % 1024 == 0 ? kRowBlock * (k_ + 16) : 0; }

  double Nanoseconds() const { return (rounded_ ? 0.5 : 1.0) * kProductNanoseconds * kRowBlock * k_ * n_; }

  // y [rows, n] = x B + bias, for at most kRowBlock rows; rounded rows of x are also left in `kept`, where given.
  void Multiply(Index rows, const float* x, const float* bias, float* y, float* room, Word* kept = nullptr,
                Output output = Output::kWrite) const {
    if (rounded_) {
      Word* operand = reinterpret_cast<Word*>(room);
      const Index ld = Spread(Pairs(k_));
      for (Index i = 0; i < rows; i++) {
        Best().pair_row(k_, x + i * k_, operand + i * ld);
        if (kept != nullptr) __builtin_memcpy(kept + i * Pairs(k_), operand + i * ld, sizeof(Word) * Pairs(k_));
      }
      Best().product_rounded(rows, n_, k_, operand, ld, false, Words(), bias, output, y, n_);
      return;
    }
    Index ld = k_;
    if (k_ % 1024 == 0) {
      ld = k_ + 16;
      for (Index i = 0; i < rows; i++) __builtin_memcpy(room + i * ld, x + i * k_, sizeof(float) * k_);
      x = room;
    }
    Best().product(rows, n_, k_, x, ld, false, In(memory_), bias, output, y, n_);
  }

 private:
  const Word* Words() const { return reinterpret_cast<const Word*>(In(memory_)); }

  Tensor memory_;
  Index k_ = 0, n_ = 0;
  bool rounded_ = false;
};

// Rows [rows, columns] packed in chunks, for the right side of a weight's gradient.
class PackedRows {
 public:
  absl::Status Allocate(OpKernelContext* context, Index rows, Index columns, bool rounded) {
    rows_ = rows;
    columns_ = columns;
    rounded_ = rounded;
    chunk_ = ChunkRows(rounded);
    size_ = rounded ? Best().rounded_size(chunk_, columns) : Best().packed_size(chunk_, columns);
    return sitjs::Allocate(context, size_ * Blocks(rows, chunk_), &memory_);
  }

  // All of x at once.
  void Pack(OpKernelContext* context, const float* x) {
    const Index block = kRowBlock;
    ForEach(context, Blocks(rows_, block), 0.5 * block * columns_,
            [&](Index task) { PackBlock(task * block, Least(block, rows_ - task * block), x + task * block * columns_); });
  }

  // The same from rounded rows.
  void PackPairs(OpKernelContext* context, const Word* x) {
    ForEach(context, Blocks(rows_, chunk_), 0.5 * chunk_ * columns_, [&](Index task) {
      const Index ld = Pairs(columns_);
      Best().pack_pairs(x + task * chunk_ * ld, ld, Count(task), columns_, reinterpret_cast<Word*>(At(task)));
    });
  }

  // `count` rows from `row` on, which is a multiple of kRowBlock.
  void PackBlock(Index row, Index count, const float* x) {
    const Index chunk = row / chunk_, at = row % chunk_;
    if (rounded_) {
      Best().pack_rounded(x, columns_, 1, count, columns_, reinterpret_cast<Word*>(At(chunk)), at / 2,
                          Pairs(Count(chunk)), nullptr);
    } else {
      Best().pack(x, columns_, 1, count, columns_, At(chunk), at, Count(chunk));
    }
  }

  // From `column` on, a multiple of every build's strip.
  float* At(Index chunk, Index column = 0) {
    return Out(&memory_) + chunk * size_ + column * (rounded_ ? Pairs(Count(chunk)) : Count(chunk));
  }
  Index Count(Index chunk) const { return Least(chunk_, rows_ - chunk * chunk_); }
  Index chunk() const { return chunk_; }
  Index rows() const { return rows_; }
  Index columns() const { return columns_; }
  bool rounded() const { return rounded_; }

 private:
  Tensor memory_;
  Index rows_ = 0, columns_ = 0, chunk_ = 0, size_ = 0;
  bool rounded_ = false;
};

// The gradient [rows, columns] of what a layer gave, as the left side of its weight's gradient: bands of kBand columns,
// each with its rows one after the other (pairs of rows where rounded).
class BandedRows {
 public:
  absl::Status Allocate(OpKernelContext* context, Index rows, Index columns, bool rounded) {
    rows_ = rows;
    columns_ = columns;
    rounded_ = rounded;
    return sitjs::Allocate(context, (rounded ? Pairs(rows) : rows) * columns, &memory_);
  }

  // `count` rows from `row` on, which is even.
  void Put(Index row, Index count, const float* d) {
    for (Index first = 0; first < columns_; first += kBand) {
      const Index width = Least(kBand, columns_ - first);
      float* to = At(first, row);
      if (rounded_) {
        Best().pair_rows(d + first, columns_, count, width, reinterpret_cast<Word*>(to));
      } else {
        for (Index i = 0; i < count; i++) {
          __builtin_memcpy(to + i * width, d + i * columns_ + first, sizeof(float) * width);
        }
      }
    }
  }

  // The rows from `row` on of the band that begins with column `first`.
  float* At(Index first, Index row) {
    const Index width = Least(kBand, columns_ - first);
    return rounded_ ? Out(&memory_) + first * Pairs(rows_) + row / 2 * width
                    : Out(&memory_) + first * rows_ + row * width;
  }

  Index columns() const { return columns_; }

 private:
  Tensor memory_;
  Index rows_ = 0, columns_ = 0;
  bool rounded_ = false;
};

// d_weight [out, in] = dᵀ x. Tasks are bands of its rows and groups of its columns, and for small weights also stretches
// of the sum over rows, whose parts are added in order.
inline absl::Status WeightGradient(OpKernelContext* context, BandedRows* d, PackedRows* x, float* d_weight) {
  const Index rows = x->rows(), in = x->columns(), out = d->columns();
  if (rows == 0) {
    for (Index i = 0; i < out * in; i++) d_weight[i] = 0.0f;
    return absl::OkStatus();
  }
  const Index wanted = 16;  // tasks: enough for some threads and for none to be late
  const Index bands = Blocks(out, kBand);
  const Index group = Blocks(Blocks(in, Least(Blocks(wanted, bands), Blocks(in, 64))), kPackRoom) * kPackRoom;
  const Index groups = Blocks(in, group);
  const Index most = Least(Blocks(wanted, bands * groups), Blocks(rows, 2 * x->chunk()));
  const Index stretch = most <= 1 ? rows : Blocks(Blocks(rows, most), x->chunk()) * x->chunk();
  const Index stretches = Blocks(rows, stretch);
  Tensor parts;
  const bool split = stretches > 1;
  if (split) TF_RETURN_IF_ERROR(Allocate(context, stretches * out * in, &parts));
  const double nanoseconds = (x->rounded() ? 0.5 : 1.0) * kProductNanoseconds * stretch * kBand * group;
  ForEach(context, stretches * bands * groups, nanoseconds, [&](Index task) {
    const Index s = task / (bands * groups);
    const Index first = task / groups % bands * kBand;
    const Index width = Least(kBand, out - first);
    const Index column = task % groups * group;
    const Index columns = Least(group, in - column);
    float* to = (split ? Out(&parts) + s * out * in : d_weight) + first * in + column;
    const Index end = Least(rows, (s + 1) * stretch);
    for (Index row = s * stretch; row < end; row += x->chunk()) {
      const Index chunk = row / x->chunk();
      const Output add = row > s * stretch ? Output::kAdd : Output::kWrite;
      const float* right = x->At(chunk, column);
      if (x->rounded()) {
        Best().product_rounded(width, columns, x->Count(chunk), reinterpret_cast<const Word*>(d->At(first, row)), width,
                               true, reinterpret_cast<const Word*>(right), nullptr, add, to, in);
      } else {
        Best().product(width, columns, x->Count(chunk), d->At(first, row), width, true, right, nullptr, add, to, in);
      }
    }
  });
  if (!split) return absl::OkStatus();
  const Index block = 4096;
  ForEach(context, Blocks(out * in, block), 0.2 * block * stretches, [&](Index task) {
    const Index at = task * block;
    const Index count = Least(block, out * in - at);
    __builtin_memcpy(d_weight + at, In(parts) + at, sizeof(float) * count);
    for (Index s = 1; s < stretches; s++) Best().add_to(count, In(parts) + s * out * in + at, d_weight + at);
  });
  return absl::OkStatus();
}

// Column sums, made block by block and added in order.
class ColumnSums {
 public:
  absl::Status Make(OpKernelContext* context, Index rows, Index columns) {
    columns_ = columns;
    blocks_ = Blocks(rows, kRowBlock);
    return Allocate(context, blocks_ * columns, &memory_);
  }

  void Put(Index row, Index count, const float* d) {
    float* sums = Out(&memory_) + row / kRowBlock * columns_;
    for (Index i = 0; i < columns_; i++) sums[i] = 0.0f;
    Best().add_rows(count, columns_, d, columns_, sums);
  }

  void Total(float* sums) {
    for (Index i = 0; i < columns_; i++) sums[i] = 0.0f;
    Best().add_rows(blocks_, columns_, In(memory_), columns_, sums);
  }

 private:
  Tensor memory_;
  Index columns_ = 0, blocks_ = 0;
};

// onto + scale[sample] x branch: where a layer's result is added to, and how much of each sample.
struct Residual {
  const float* onto = nullptr;
  const float* scale = nullptr;
  Index rows_per_sample = 1;

  float ScaleOf(Index row) const { return scale == nullptr ? 1.0f : scale[row / rows_per_sample]; }

  // Rows from `row` on.
  void Apply(Index row, Index rows, Index columns, float* y) const {
    if (onto == nullptr) return;
    for (Index i = 0; i < rows; i++) {
      const Index at = i * columns;
      Best().add_scaled(columns, onto + row * columns + at, ScaleOf(row + i), y + at, y + at);
    }
  }

  // The gradient of the branch; `room` is used only where there is a scale.
  const float* Gradient(Index row, Index rows, Index columns, const float* dy, float* room) const {
    if (scale == nullptr) return dy;
    for (Index i = 0; i < rows; i++) {
      Best().scaled(columns, ScaleOf(row + i), dy + i * columns, room + i * columns);
    }
    return room;
  }
};

// The shape of x with another last axis.
inline TensorShape WithColumns(const Tensor& x, Index columns) {
  TensorShape shape = x.shape();
  shape.set_dim(x.dims() - 1, columns);
  return shape;
}

inline bool IsWeight(const Tensor& weight, Index in) {
  return weight.dims() >= 1 && weight.dim_size(0) >= 1 && in > 0 && weight.NumElements() == weight.dim_size(0) * in;
}

inline bool HoldsAtMostOne(const OpInputList& list, Index elements) {
  return list.size() == 0 || (list.size() == 1 && list[0].NumElements() == elements);
}

// At most one scale, which divides the rows into samples.
inline bool IsScale(const OpInputList& scale, Index rows) {
  return scale.size() == 0 ||
         (scale.size() == 1 && scale[0].NumElements() > 0 && rows % scale[0].NumElements() == 0);
}

inline Residual ResidualOf(const float* onto, const OpInputList& scale, Index rows) {
  Residual residual;
  residual.onto = onto;
  if (scale.size() == 1) {
    residual.scale = In(scale[0]);
    residual.rows_per_sample = rows / scale[0].NumElements();
  }
  return residual;
}

}  // namespace sitjs

#endif  // SITJS_OPS_PRODUCTS_H_
