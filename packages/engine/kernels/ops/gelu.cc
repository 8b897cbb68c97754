// The exact GELU by itself, where no linear layer stands before it.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitGelu").Input("x: float").Output("y: float").SetShapeFn(
    [](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

REGISTER_OP("SitGeluGrad")
    .Input("dy: float")
    .Input("x: float")
    .Output("dx: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

constexpr Index kGeluBlock = 8192;

class GeluOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const Index count = x.NumElements();
    ForEach(context, Blocks(count, kGeluBlock), 0.7 * kGeluBlock, [&](Index task) {
      const Index at = task * kGeluBlock;
      Best().gelu(Least(kGeluBlock, count - at), In(x) + at, Out(y) + at);
    });
  }
};

class GeluGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    OP_REQUIRES(context, dy.NumElements() == x.NumElements(),
                InvalidArgument("SitGeluGrad: expected dy like x, got dy ", dy.shape().DebugString(), ", x ",
                                x.shape().DebugString()));
    Tensor* dx;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    const Index count = x.NumElements();
    ForEach(context, Blocks(count, kGeluBlock), 0.9 * kGeluBlock, [&](Index task) {
      const Index at = task * kGeluBlock;
      Best().gelu_gradient(Least(kGeluBlock, count - at), In(dy) + at, In(x) + at, Out(dx) + at);
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("SitGelu").Device(DEVICE_CPU), GeluOp);
REGISTER_KERNEL_BUILDER(Name("SitGeluGrad").Device(DEVICE_CPU), GeluGradOp);

}  // namespace sitjs
