// y = x weightᵀ + bias over the last axis, with GELU after it on demand, and its gradients: bias, activation and column
// sums are done on rows that are still in cache.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitLinear")
    .Input("x: float")
    .Input("weight: float")
    .Input("bias: bias_count * float")
    .Attr("bias_count: int >= 0")
    .Attr("gelu: bool")
    .Attr("keep: bool")
    .Output("y: float")
    .Output("before: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

REGISTER_OP("SitLinearGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("weight: float")
    .Input("before: gelu_count * float")
    .Attr("gelu_count: int >= 0")
    .Output("dx: float")
    .Output("d_weight: float")
    .Output("d_bias: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// Nanoseconds of one multiplication and addition, for a guess of a task's time.
constexpr double kProductNanoseconds = 0.02;

// B of a product in strips, packed by all threads.
void PackAll(OpKernelContext* context, const float* b, Index row_stride, Index column_stride, Index k, Index n,
             float* packed) {
  const Index width = 128;  // a multiple of every build's strip, so that parts are independent
  ForEach(context, Blocks(n, width), 0.5 * width * k, [&](Index task) {
    const Index column = task * width;
    Best().pack(b + column * column_stride, row_stride, column_stride, k, Least(width, n - column),
                packed + column * k);
  });
}

class LinearOp : public OpKernel {
 public:
  explicit LinearOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("gelu", &gelu_));
    OP_REQUIRES_OK(context, context->GetAttr("keep", &keep_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& weight = context->input(1);
    OpInputList bias;
    OP_REQUIRES_OK(context, context->input_list("bias", &bias));
    const RowsOf size(x);
    const Index in = size.columns;
    OP_REQUIRES(context,
                x.dims() >= 1 && weight.dims() >= 1 && in > 0 && weight.NumElements() == weight.dim_size(0) * in &&
                    bias.size() <= 1 && (bias.size() == 0 || bias[0].NumElements() == weight.dim_size(0)),
                InvalidArgument("SitLinear: expected x [..., in], weight [out, in] and at most one bias [out], got x ",
                                x.shape().DebugString(), ", weight ", weight.shape().DebugString(), " and ",
                                bias.size(), " biases"));
    const Index out = weight.dim_size(0);
    TensorShape shape = x.shape();
    shape.set_dim(x.dims() - 1, out);
    const bool keep = gelu_ && keep_;
    Tensor *y, *before, packed;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, keep ? shape : TensorShape({0}), &before));
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT,
                                                   TensorShape({Best().packed_size(in, out)}), &packed));
    PackAll(context, In(weight), 1, in, in, out, Out(&packed));
    float* linear = keep ? Out(before) : Out(y);
    ForEach(context, Blocks(size.rows, kRowBlock), kProductNanoseconds * kRowBlock * in * out, [&](Index task) {
      const Index row = task * kRowBlock;
      const Index rows = Least(kRowBlock, size.rows - row);
      Best().product(rows, out, in, In(x) + row * in, in, false, In(packed), bias.size() == 0 ? nullptr : In(bias[0]),
                     false, linear + row * out, out);
      if (gelu_) Best().gelu(rows * out, linear + row * out, Out(y) + row * out);
    });
  }

 private:
  bool gelu_;
  bool keep_;
};

class LinearGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    const Tensor& weight = context->input(2);
    OpInputList before;
    OP_REQUIRES_OK(context, context->input_list("before", &before));
    const RowsOf size(x);
    const Index in = size.columns, rows = size.rows;
    OP_REQUIRES(context,
                x.dims() >= 1 && weight.dims() >= 1 && in > 0 && weight.NumElements() == weight.dim_size(0) * in &&
                    dy.NumElements() == rows * weight.dim_size(0) && before.size() <= 1 &&
                    (before.size() == 0 || before[0].NumElements() == dy.NumElements()),
                InvalidArgument("SitLinearGrad: expected x [..., in], weight [out, in], dy [..., out] and what GELU took "
                                "like dy, got x ",
                                x.shape().DebugString(), ", weight ", weight.shape().DebugString(), ", dy ",
                                dy.shape().DebugString(), " and ", before.size(), " of the last"));
    const Index out = weight.dim_size(0);
    Tensor *dx, *d_weight, *d_bias, packed, d_linear;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, weight.shape(), &d_weight));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({out}), &d_bias));
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT,
                                                   TensorShape({Best().packed_size(out, in)}), &packed));
    const bool gelu = before.size() == 1;
    if (gelu) {
      OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, dy.shape(), &d_linear));
    }
    const float* d = gelu ? In(d_linear) : In(dy);

    PackAll(context, In(weight), in, 1, out, in, Out(&packed));
    ForEach(context, Blocks(rows, kRowBlock), kProductNanoseconds * kRowBlock * in * out, [&](Index task) {
      const Index row = task * kRowBlock;
      const Index count = Least(kRowBlock, rows - row);
      if (gelu) {
        Best().gelu_gradient(count * out, In(dy) + row * out, In(before[0]) + row * out, Out(&d_linear) + row * out);
      }
      Best().product(count, in, out, d + row * out, out, false, In(packed), nullptr, false, Out(dx) + row * in, in);
    });
    WeightGradient(context, rows, in, out, d, In(x), Out(d_weight), Out(d_bias));
  }

 private:
  // d_weight [out, in] = dᵀ x, d_bias = column sums of d. Tasks are bands of d_weight's rows, and for small weights also
  // stretches of the sum over rows, whose parts are added in order: the cut depends on the sizes alone.
  void WeightGradient(OpKernelContext* context, Index rows, Index in, Index out, const float* d, const float* x,
                      float* d_weight, float* d_bias) {
    const Index band = 168, chunk = 192;
    const Index bands = Blocks(out, band);
    const Index wanted = Least(Blocks(16, bands), Blocks(rows, 2 * chunk));
    const Index stretch = wanted <= 1 ? rows : Blocks(Blocks(rows, wanted), chunk) * chunk;
    const Index stretches = rows == 0 ? 0 : Blocks(rows, stretch);
    const Index part = out * in + out;
    Tensor parts;
    const bool split = stretches > 1;
    if (split) {
      OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({stretches * part}), &parts));
    }
    if (rows == 0) {
      for (Index i = 0; i < out * in; i++) d_weight[i] = 0.0f;
      for (Index i = 0; i < out; i++) d_bias[i] = 0.0f;
      return;
    }
    ForEach(context, stretches * bands, kProductNanoseconds * stretch * band * in, [&](Index task) {
      const Index s = task / bands;
      const Index first = (task % bands) * band;
      const Index width = Least(band, out - first);
      float* weight_part = split ? Out(&parts) + s * part : d_weight;
      float* bias_part = split ? weight_part + out * in : d_bias;
      for (Index i = 0; i < width; i++) bias_part[first + i] = 0.0f;
      const Index x_size = Best().packed_size(chunk, in);
      float* packed_x = Scratch(x_size + chunk * band);
      float* d_block = packed_x + x_size;
      const Index end = Least(rows, (s + 1) * stretch);
      for (Index row = s * stretch; row < end; row += chunk) {
        const Index count = Least(chunk, end - row);
        Best().pack(x + row * in, in, 1, count, in, packed_x);
        for (Index r = 0; r < count; r++) {
          __builtin_memcpy(d_block + r * width, d + (row + r) * out + first, sizeof(float) * width);
        }
        Best().add_rows(count, width, d_block, width, bias_part + first);
        Best().product(width, in, count, d_block, width, true, packed_x, nullptr, row > s * stretch,
                       weight_part + first * in, in);
      }
    });
    if (!split) return;
    const Index block = 4096;
    ForEach(context, Blocks(part, block), 0.2 * block * stretches, [&](Index task) {
      const Index at = task * block;
      const Index count = Least(block, part - at);
      float* sum = Scratch(count);
      __builtin_memcpy(sum, In(parts) + at, sizeof(float) * count);
      for (Index s = 1; s < stretches; s++) Best().add_to(count, In(parts) + s * part + at, sum);
      const Index weights = Least(count, at < out * in ? out * in - at : 0);
      __builtin_memcpy(d_weight + at, sum, sizeof(float) * weights);
      if (weights < count) {
        __builtin_memcpy(d_bias + (at + weights - out * in), sum + weights, sizeof(float) * (count - weights));
      }
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("SitLinear").Device(DEVICE_CPU), LinearOp);
REGISTER_KERNEL_BUILDER(Name("SitLinearGrad").Device(DEVICE_CPU), LinearGradOp);

}  // namespace sitjs
