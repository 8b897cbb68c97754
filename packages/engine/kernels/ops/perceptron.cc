// A transformer block's perceptron, y = onto + scale (gelu(x weight1ᵀ + bias1) weight2ᵀ + bias2), and its gradients. What
// lies between the two layers stays in cache; only GELU's input is kept for the gradient.
#include "products.h"

namespace sitjs {

// onto, scale: as SitLinear. before: GELU's input, rounded_x and rounded_before: [rows, pairs] in bfloat16; each where
// `keep` and the precision want it.
REGISTER_OP("SitPerceptron")
    .Input("x: float")
    .Input("weight1: float")
    .Input("bias1: float")
    .Input("weight2: float")
    .Input("bias2: float")
    .Input("onto: ontos * float")
    .Input("scale: scales * float")
    .Attr("ontos: int >= 0")
    .Attr("scales: int >= 0")
    .Attr("keep: bool")
    .Attr("reduced: bool")
    .Output("y: float")
    .Output("before: float")
    .Output("rounded_x: int32")
    .Output("rounded_before: int32")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// x and before, or both rounded.
REGISTER_OP("SitPerceptronGrad")
    .Input("dy: float")
    .Input("weight1: float")
    .Input("weight2: float")
    .Input("exact: exacts * float")
    .Input("rounded: roundeds * int32")
    .Input("scale: scales * float")
    .Attr("exacts: int >= 0")
    .Attr("roundeds: int >= 0")
    .Attr("scales: int >= 0")
    .Output("dx: float")
    .Output("d_weight1: float")
    .Output("d_bias1: float")
    .Output("d_weight2: float")
    .Output("d_bias2: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

struct PerceptronSize {
  Index in = 0, hidden = 0, out = 0;

  // weight1 [hidden, in], weight2 [out, hidden]
  bool Read(const Tensor& weight1, const Tensor& weight2) {
    if (weight1.dims() < 1 || weight2.dims() < 1 || weight1.NumElements() == 0 || weight2.NumElements() == 0) return false;
    hidden = weight1.dim_size(0);
    in = weight1.NumElements() / hidden;
    out = weight2.dim_size(0);
    return weight2.NumElements() == out * hidden;
  }
};

class PerceptronOp : public OpKernel {
 public:
  explicit PerceptronOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("keep", &keep_));
    OP_REQUIRES_OK(context, context->GetAttr("reduced", &rounded_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& weight1 = context->input(1);
    const Tensor& bias1 = context->input(2);
    const Tensor& weight2 = context->input(3);
    const Tensor& bias2 = context->input(4);
    OpInputList onto, scale;
    OP_REQUIRES_OK(context, context->input_list("onto", &onto));
    OP_REQUIRES_OK(context, context->input_list("scale", &scale));
    const Index rows = RowsOf(x).rows;
    PerceptronSize size;
    OP_REQUIRES(context,
                size.Read(weight1, weight2) && x.dims() >= 1 && RowsOf(x).columns == size.in &&
                    bias1.NumElements() == size.hidden && bias2.NumElements() == size.out &&
                    HoldsAtMostOne(onto, rows * size.out) && IsScale(scale, rows),
                InvalidArgument("SitPerceptron: expected x [..., in], weights [hidden, in] and [out, hidden], their biases, "
                                "at most one residual like the result and one scale [batch], got x ",
                                x.shape().DebugString(), ", weights ", weight1.shape().DebugString(), " and ",
                                weight2.shape().DebugString(), ", biases ", bias1.shape().DebugString(), " and ",
                                bias2.shape().DebugString(), ", ", onto.size(), " residuals, ", scale.size(), " scales"));
    const Index in = size.in, hidden = size.hidden, out = size.out;
    const bool keep_exact = keep_ && !rounded_, keep_rounded = keep_ && rounded_;
    const auto where = [&](bool wanted, Index columns) {
      return wanted ? TensorShape({rows, columns}) : TensorShape({0});
    };
    Tensor *y, *before, *rounded_x, *rounded_before;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithColumns(x, out), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, where(keep_exact, hidden), &before));
    OP_REQUIRES_OK(context, context->allocate_output(2, where(keep_rounded, Pairs(in)), &rounded_x));
    OP_REQUIRES_OK(context, context->allocate_output(3, where(keep_rounded, Pairs(hidden)), &rounded_before));
    if (rows == 0) return;
    PackedMatrix first, second;
    OP_REQUIRES_OK(context, first.Make(context, In(weight1), 1, in, in, hidden, rounded_));
    OP_REQUIRES_OK(context, second.Make(context, In(weight2), 1, hidden, hidden, out, rounded_));
    const Residual residual = ResidualOf(onto.size() == 0 ? nullptr : In(onto[0]), scale, rows);
    const Index room_size = first.Room() > second.Room() ? first.Room() : second.Room();
    ForEach(context, Blocks(rows, kRowBlock), first.Nanoseconds() + second.Nanoseconds(), [&](Index task) {
      const Index row = task * kRowBlock;
      const Index count = Least(kRowBlock, rows - row);
      float* activated = Scratch(kRowBlock * hidden + room_size);
      float* room = activated + kRowBlock * hidden;
      first.Multiply(count, In(x) + row * in, In(bias1), activated, room,
                     keep_rounded ? Words(rounded_x) + row * Pairs(in) : nullptr);
      // Read again only by the gradient.
      if (keep_exact) Best().stream(count * hidden, activated, Out(before) + row * hidden);
      if (rounded_) {
        // GELU sees what is kept, so that the gradient is that of what was computed.
        for (Index i = 0; i < count; i++) {
          Word* kept = keep_ ? Words(rounded_before) + (row + i) * Pairs(hidden) : reinterpret_cast<Word*>(room);
          Best().pair_row(hidden, activated + i * hidden, kept);
          Best().unpair_row(hidden, kept, activated + i * hidden);
        }
      }
      Best().gelu(count * hidden, activated, activated);
      second.Multiply(count, activated, In(bias2), Out(y) + row * out, room);
      residual.Apply(row, count, out, Out(y) + row * out);
    });
  }

 private:
  bool keep_, rounded_;
};

class PerceptronGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& weight1 = context->input(1);
    const Tensor& weight2 = context->input(2);
    OpInputList exact, rounded, scale;
    OP_REQUIRES_OK(context, context->input_list("exact", &exact));
    OP_REQUIRES_OK(context, context->input_list("rounded", &rounded));
    OP_REQUIRES_OK(context, context->input_list("scale", &scale));
    const Index rows = RowsOf(dy).rows;
    PerceptronSize size;
    const bool low = rounded.size() == 2;
    OP_REQUIRES(context,
                size.Read(weight1, weight2) && dy.dims() >= 1 && RowsOf(dy).columns == size.out &&
                    exact.size() + rounded.size() == 2 && (low || exact.size() == 2) && IsScale(scale, rows) &&
                    (low ? rounded[0] : exact[0]).NumElements() == rows * (low ? Pairs(size.in) : size.in) &&
                    (low ? rounded[1] : exact[1]).NumElements() == rows * (low ? Pairs(size.hidden) : size.hidden),
                InvalidArgument("SitPerceptronGrad: expected dy [..., out], weights [hidden, in] and [out, hidden], x and "
                                "GELU's input or both rounded, one scale [batch] at most, got dy ",
                                dy.shape().DebugString(), ", weights ", weight1.shape().DebugString(), " and ",
                                weight2.shape().DebugString(), ", ", exact.size(), " exact, ", rounded.size(), " rounded, ",
                                scale.size(), " scales"));
    const Index in = size.in, hidden = size.hidden, out = size.out;
    Tensor *dx, *d_weight1, *d_bias1, *d_weight2, *d_bias2;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithColumns(dy, in), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, weight1.shape(), &d_weight1));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({hidden}), &d_bias1));
    OP_REQUIRES_OK(context, context->allocate_output(3, weight2.shape(), &d_weight2));
    OP_REQUIRES_OK(context, context->allocate_output(4, TensorShape({out}), &d_bias2));
    const Residual residual = ResidualOf(nullptr, scale, rows);
    ColumnSums sums1, sums2;
    BandedRows d_before;
    OP_REQUIRES_OK(context, d_before.Allocate(context, rows, hidden, low));
    OP_REQUIRES_OK(context, sums1.Make(context, rows, hidden));
    OP_REQUIRES_OK(context, sums2.Make(context, rows, out));
    {
      // Memory of this part is free again before the next one begins.
      PackedMatrix second, first;
      PackedRows activated;
      BandedRows d;
      OP_REQUIRES_OK(context, second.Make(context, In(weight2), hidden, 1, out, hidden, low));
      OP_REQUIRES_OK(context, first.Make(context, In(weight1), in, 1, hidden, in, low));
      OP_REQUIRES_OK(context, activated.Allocate(context, rows, hidden, low));
      OP_REQUIRES_OK(context, d.Allocate(context, rows, out, low));
      const Index room_size = first.Room() > second.Room() ? first.Room() : second.Room();
      const Index block = kRowBlock * hidden;
      ForEach(context, Blocks(rows, kRowBlock), first.Nanoseconds() + second.Nanoseconds(), [&](Index task) {
        const Index row = task * kRowBlock;
        const Index count = Least(kRowBlock, rows - row);
        float* scaled = Scratch(kRowBlock * out + 2 * block + room_size + (low ? block : 0));
        float* h = scaled + kRowBlock * out;
        float* dh = h + block;
        float* room = dh + block;
        const float* dys = residual.Gradient(row, count, out, In(dy) + row * out, scaled);
        sums2.Put(row, count, dys);
        d.Put(row, count, dys);
        second.Multiply(count, dys, nullptr, dh, room);
        const float* before = low ? room + room_size : In(exact[1]) + row * hidden;
        if (low) {
          for (Index i = 0; i < count; i++) {
            Best().unpair_row(hidden, Words(rounded[1]) + (row + i) * Pairs(hidden), room + room_size + i * hidden);
          }
        }
        Best().gelu_both(count * hidden, dh, before, h, dh);
        activated.PackBlock(row, count, h);
        sums1.Put(row, count, dh);
        d_before.Put(row, count, dh);
        first.Multiply(count, dh, nullptr, Out(dx) + row * in, room);
      });
      OP_REQUIRES_OK(context, WeightGradient(context, &d, &activated, Out(d_weight2)));
    }
    sums1.Total(Out(d_bias1));
    sums2.Total(Out(d_bias2));
    PackedRows packed;
    OP_REQUIRES_OK(context, packed.Allocate(context, rows, in, low));
    if (low) {
      packed.PackPairs(context, Words(rounded[0]));
    } else {
      packed.Pack(context, In(exact[0]));
    }
    OP_REQUIRES_OK(context, WeightGradient(context, &d_before, &packed, Out(d_weight1)));
  }
};

REGISTER_KERNEL_BUILDER(Name("SitPerceptron").Device(DEVICE_CPU), PerceptronOp);
REGISTER_KERNEL_BUILDER(Name("SitPerceptronGrad").Device(DEVICE_CPU), PerceptronGradOp);

}  // namespace sitjs
