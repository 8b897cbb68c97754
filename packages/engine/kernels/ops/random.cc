// Random floats of counter-based streams: which values come out depends on keys and places alone.
#include "common.h"
#include "tensorflow/core/framework/tensor_shape.h"

namespace sitjs {

// keys [streams, 2]: both halves of each key. shape [rank]: of the output, which the streams share out in equal runs.
REGISTER_OP("SitRandom")
    .Input("keys: int32")
    .Input("shape: int32")
    .Attr("normal: bool")
    .Output("values: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// A multiple of the 4 values of a block.
constexpr Index kRandomBlock = 4096;

class RandomOp : public OpKernel {
 public:
  explicit RandomOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("normal", &normal_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& keys = context->input(0);
    const Tensor& sides = context->input(1);
    OP_REQUIRES(context, keys.dims() == 2 && keys.dim_size(1) == 2 && sides.dims() == 1,
                InvalidArgument("SitRandom: expected keys [streams, 2] and a shape [rank], got ",
                                keys.shape().DebugString(), " and ", sides.shape().DebugString()));
    TensorShape shape;
    const auto side = sides.flat<int32_t>();
    OP_REQUIRES_OK(context, tensorflow::TensorShapeUtils::MakeShape(side.data(), side.size(), &shape));
    const Index streams = keys.dim_size(0), total = shape.num_elements();
    OP_REQUIRES(context, total == 0 || (streams > 0 && total % streams == 0),
                InvalidArgument("SitRandom: expected a shape that its streams share out equally, got ",
                                shape.DebugString(), " for ", streams, " streams"));
    Tensor* values;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &values));
    if (total == 0) return;
    const Index size = total / streams;
    const Index blocks = Blocks(size, kRandomBlock);
    const RandomTable& random = *Best().random;
    const auto fill = normal_ ? random.normal : random.uniform;
    const auto key = keys.flat<int32_t>();
    ForEach(context, streams * blocks, (normal_ ? 4.0 : 1.5) * Least(size, kRandomBlock), [&](Index task) {
      const Index stream = task / blocks;
      const Index begin = task % blocks * kRandomBlock;
      fill(static_cast<uint32_t>(key(2 * stream)), static_cast<uint32_t>(key(2 * stream + 1)),
           static_cast<uint64_t>(begin / 4), Least(kRandomBlock, size - begin), Out(values) + stream * size + begin);
    });
  }

 private:
  bool normal_;
};

REGISTER_KERNEL_BUILDER(Name("SitRandom").Device(DEVICE_CPU), RandomOp);

}  // namespace sitjs
