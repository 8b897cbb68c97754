// y = x weightᵀ + bias over the last axis, with GELU after it or added to a residual on demand, and its gradients: bias,
// activation and column sums are done on rows that are still in cache.
#include "products.h"

namespace sitjs {

// onto: what the result is added to, shaped like y. scale [batch]: the share of each sample's result.
// y; before: what GELU took, where `keep` and `gelu`; rounded: x in bfloat16 [rows, pairs], where `keep` and `reduced` (bfloat16).
REGISTER_OP("SitLinear")
    .Input("x: float")
    .Input("weight: float")
    .Input("bias: biases * float")
    .Input("onto: ontos * float")
    .Input("scale: scales * float")
    .Attr("biases: int >= 0")
    .Attr("ontos: int >= 0")
    .Attr("scales: int >= 0")
    .Attr("gelu: bool")
    .Attr("keep: bool")
    .Attr("reduced: bool")
    .Output("y: float")
    .Output("before: float")
    .Output("rounded: int32")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// x or rounded; before where GELU followed.
REGISTER_OP("SitLinearGrad")
    .Input("dy: float")
    .Input("weight: float")
    .Input("x: xs * float")
    .Input("rounded: roundeds * int32")
    .Input("before: befores * float")
    .Input("scale: scales * float")
    .Attr("xs: int >= 0")
    .Attr("roundeds: int >= 0")
    .Attr("befores: int >= 0")
    .Attr("scales: int >= 0")
    .Output("dx: float")
    .Output("d_weight: float")
    .Output("d_bias: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

class LinearOp : public OpKernel {
 public:
  explicit LinearOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("gelu", &gelu_));
    OP_REQUIRES_OK(context, context->GetAttr("keep", &keep_));
    OP_REQUIRES_OK(context, context->GetAttr("reduced", &rounded_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& weight = context->input(1);
    OpInputList bias, onto, scale;
    OP_REQUIRES_OK(context, context->input_list("bias", &bias));
    OP_REQUIRES_OK(context, context->input_list("onto", &onto));
    OP_REQUIRES_OK(context, context->input_list("scale", &scale));
    const RowsOf size(x);
    const Index in = size.columns, rows = size.rows;
    OP_REQUIRES(context,
                x.dims() >= 1 && IsWeight(weight, in) && HoldsAtMostOne(bias, weight.dim_size(0)) &&
                    HoldsAtMostOne(onto, rows * weight.dim_size(0)) && IsScale(scale, rows),
                InvalidArgument("SitLinear: expected x [..., in], weight [out, in], at most one bias [out], one residual "
                                "like the result and one scale [batch], got x ",
                                x.shape().DebugString(), ", weight ", weight.shape().DebugString(), ", ", bias.size(),
                                " biases, ", onto.size(), " residuals and ", scale.size(), " scales"));
    const Index out = weight.dim_size(0);
    const bool keep_before = gelu_ && keep_, keep_rounded = rounded_ && keep_;
    Tensor *y, *before, *rounded;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithColumns(x, out), &y));
    OP_REQUIRES_OK(context,
                   context->allocate_output(1, keep_before ? y->shape() : TensorShape({0}), &before));
    OP_REQUIRES_OK(context, context->allocate_output(
                                2, keep_rounded ? TensorShape({rows, Pairs(in)}) : TensorShape({0}), &rounded));
    if (rows == 0) return;
    PackedMatrix matrix;
    OP_REQUIRES_OK(context, matrix.Make(context, In(weight), 1, in, in, out, rounded_));
    const Residual residual = ResidualOf(onto.size() == 0 ? nullptr : In(onto[0]), scale, rows);
    const Output output = IsLarge(rows * out) ? Output::kStream : Output::kWrite;
    ForEach(context, Blocks(rows, kRowBlock), matrix.Nanoseconds(), [&](Index task) {
      const Index row = task * kRowBlock;
      const Index count = Least(kRowBlock, rows - row);
      const auto multiply = [&](float* linear, float* room, Output to) {
        matrix.Multiply(count, In(x) + row * in, bias.size() == 0 ? nullptr : In(bias[0]), linear, room,
                        keep_rounded ? Words(rounded) + row * Pairs(in) : nullptr, to);
      };
      float* to = Out(y) + row * out;
      if (!gelu_) {
        multiply(to, Scratch(matrix.Room()), onto.size() == 0 ? output : Output::kWrite);
        residual.Apply(row, count, out, to);
        return;
      }
      float* linear = Scratch(kRowBlock * out + matrix.Room());
      multiply(linear, linear + kRowBlock * out, Output::kWrite);
      if (keep_before) Best().stream(count * out, linear, Out(before) + row * out);
      Best().gelu(count * out, linear, to);
      residual.Apply(row, count, out, to);
    });
  }

 private:
  bool gelu_, keep_, rounded_;
};

class LinearGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& weight = context->input(1);
    OpInputList x, rounded, before, scale;
    OP_REQUIRES_OK(context, context->input_list("x", &x));
    OP_REQUIRES_OK(context, context->input_list("rounded", &rounded));
    OP_REQUIRES_OK(context, context->input_list("before", &before));
    OP_REQUIRES_OK(context, context->input_list("scale", &scale));
    const RowsOf size(dy);
    const Index out = size.columns, rows = size.rows;
    const Index in = weight.dims() >= 1 && weight.dim_size(0) > 0 ? weight.NumElements() / weight.dim_size(0) : 0;
    OP_REQUIRES(context,
                dy.dims() >= 1 && weight.dims() >= 1 && weight.dim_size(0) == out && IsWeight(weight, in) &&
                    x.size() + rounded.size() == 1 && HoldsAtMostOne(x, rows * in) &&
                    HoldsAtMostOne(rounded, rows * Pairs(in)) && HoldsAtMostOne(before, rows * out) &&
                    IsScale(scale, rows),
                InvalidArgument("SitLinearGrad: expected dy [..., out], weight [out, in], x [..., in] or its rounded rows, "
                                "what GELU took like dy and one scale [batch] at most, got dy ",
                                dy.shape().DebugString(), ", weight ", weight.shape().DebugString(), ", ", x.size(), " x, ",
                                rounded.size(), " rounded, ", before.size(), " before and ", scale.size(), " scales"));
    Tensor *dx, *d_weight, *d_bias;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithColumns(dy, in), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, weight.shape(), &d_weight));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({out}), &d_bias));
    const bool low = rounded.size() == 1;
    const bool gelu = before.size() == 1;
    const Residual residual = ResidualOf(nullptr, scale, rows);
    PackedMatrix matrix;
    PackedRows packed;
    BandedRows banded;
    ColumnSums sums;
    OP_REQUIRES_OK(context, matrix.Make(context, In(weight), in, 1, out, in, low));
    OP_REQUIRES_OK(context, banded.Allocate(context, rows, out, low));
    OP_REQUIRES_OK(context, sums.Make(context, rows, out));
    ForEach(context, Blocks(rows, kRowBlock), matrix.Nanoseconds(), [&](Index task) {
      const Index row = task * kRowBlock;
      const Index count = Least(kRowBlock, rows - row);
      float* made = Scratch(kRowBlock * out + matrix.Room());
      const float* d = residual.Gradient(row, count, out, In(dy) + row * out, made);
      if (gelu) {
        Best().gelu_gradient(count * out, d, In(before[0]) + row * out, made);
        d = made;
      }
      sums.Put(row, count, d);
      banded.Put(row, count, d);
      matrix.Multiply(count, d, nullptr, Out(dx) + row * in, made + kRowBlock * out, nullptr,
                      IsLarge(rows * in) ? Output::kStream : Output::kWrite);
    });
    sums.Total(Out(d_bias));
    OP_REQUIRES_OK(context, packed.Allocate(context, rows, in, low));
    if (low) {
      packed.PackPairs(context, Words(rounded[0]));
    } else {
      packed.Pack(context, In(x[0]));
    }
    OP_REQUIRES_OK(context, WeightGradient(context, &banded, &packed, Out(d_weight)));
  }
};

REGISTER_KERNEL_BUILDER(Name("SitLinear").Device(DEVICE_CPU), LinearOp);
REGISTER_KERNEL_BUILDER(Name("SitLinearGrad").Device(DEVICE_CPU), LinearGradOp);

}  // namespace sitjs
