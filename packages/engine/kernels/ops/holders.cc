// How TensorFlow counts the holders of a tensor's memory: what the engine finds out on tensors of which it knows that, since
// it differs from version to version. Before, nothing is overwritten.
#include "common.h"

namespace sitjs {

// holders [count]: of each tensor, see HoldersOf. `one`: what they are where one tensor of JavaScript holds the memory
// alone; from now on that is overwritten where it is given up. 0: never.
REGISTER_OP("SitHolders")
    .Input("tensors: count * float")
    .Attr("count: int >= 1")
    .Attr("one: int >= 0")
    .Output("holders: int32")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

std::atomic<int>& HoldersOfOne() {
  static std::atomic<int> holders{0};
  return holders;
}

class HoldersOp : public OpKernel {
 public:
  explicit HoldersOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("one", &one_));
  }

  void Compute(OpKernelContext* context) override {
    const int count = context->num_inputs();
    Tensor* holders;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({count}), &holders));
    for (int i = 0; i < count; i++) holders->flat<tensorflow::int32>()(i) = HoldersOf(context->input(i));
    HoldersOfOne() = one_;
  }

 private:
  int one_;
};

REGISTER_KERNEL_BUILDER(Name("SitHolders").Device(DEVICE_CPU), HoldersOp);

}  // namespace sitjs
