// A branch added to its input, scaled for each sample (drop path), and the gradient of the branch.
#include "common.h"

namespace sitjs {

// y = x + scale[sample] x branch; x, branch [samples, ...].
REGISTER_OP("SitResidual")
    .Input("x: float")
    .Input("branch: float")
    .Input("scale: float")
    .Output("y: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// y = scale[sample] x x
REGISTER_OP("SitScaleSamples")
    .Input("x: float")
    .Input("scale: float")
    .Output("y: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

constexpr Index kSampleBlock = 8192;

// run(sample, at, count) for parts of at most kSampleBlock values, each of one sample; `at` counts from the first.
template <typename Run>
void ForSamples(OpKernelContext* context, const Tensor& x, const Run& run) {
  const Index samples = x.dim_size(0);
  if (x.NumElements() == 0) return;
  const Index size = x.NumElements() / samples;
  const Index blocks = Blocks(size, kSampleBlock);
  ForEach(context, samples * blocks, 0.3 * Least(size, kSampleBlock), [&](Index task) {
    const Index sample = task / blocks;
    const Index begin = task % blocks * kSampleBlock;
    run(sample, sample * size + begin, Least(kSampleBlock, size - begin));
  });
}

class ResidualOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& branch = context->input(1);
    const Tensor& scale = context->input(2);
    OP_REQUIRES(context, x.dims() >= 1 && branch.shape() == x.shape() && scale.NumElements() == x.dim_size(0),
                InvalidArgument("SitResidual: expected branch like x and a scale of each sample, got x ",
                                x.shape().DebugString(), ", branch ", branch.shape().DebugString(), ", scale ",
                                scale.shape().DebugString()));
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    ForSamples(context, x, [&](Index sample, Index at, Index count) {
      Best().add_scaled(count, In(x) + at, In(scale)[sample], In(branch) + at, Out(y) + at);
    });
  }
};

class ScaleSamplesOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& scale = context->input(1);
    OP_REQUIRES(context, x.dims() >= 1 && scale.NumElements() == x.dim_size(0),
                InvalidArgument("SitScaleSamples: expected a scale of each sample, got x ", x.shape().DebugString(),
                                ", scale ", scale.shape().DebugString()));
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    ForSamples(context, x, [&](Index sample, Index at, Index count) {
      Best().scaled(count, In(scale)[sample], In(x) + at, Out(y) + at);
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("SitResidual").Device(DEVICE_CPU), ResidualOp);
REGISTER_KERNEL_BUILDER(Name("SitScaleSamples").Device(DEVICE_CPU), ScaleSamplesOp);

}  // namespace sitjs
