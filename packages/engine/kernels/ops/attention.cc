// Multi-head attention from packed queries, keys and values [batch, tokens, 3 x width], without transposes.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitAttention")
    .Input("qkv: float")
    .Attr("heads: int >= 1")
    .Output("output: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

REGISTER_OP("SitAttentionGrad")
    .Input("dy: float")
    .Input("qkv: float")
    .Attr("heads: int >= 1")
    .Output("d_qkv: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

struct AttentionSize {
  Index batch = 0, tokens = 0, width = 0, head = 0;

  bool Read(const Tensor& qkv, Index heads) {
    if (qkv.dims() != 3 || heads < 1 || qkv.dim_size(2) == 0 || qkv.dim_size(2) % (3 * heads) != 0) return false;
    batch = qkv.dim_size(0);
    tokens = qkv.dim_size(1);
    width = qkv.dim_size(2) / 3;
    head = width / heads;
    return true;
  }

  TensorShape Output() const { return TensorShape({batch, tokens, width}); }

  double Nanoseconds() const { return 0.1 * static_cast<double>(tokens) * static_cast<double>(tokens * head); }
};

class AttentionOp : public OpKernel {
 public:
  explicit AttentionOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("heads", &heads_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& qkv = context->input(0);
    AttentionSize size;
    OP_REQUIRES(context, size.Read(qkv, heads_),
                InvalidArgument("SitAttention: expected [batch, tokens, 3 x heads x head], got ",
                                qkv.shape().DebugString(), " with ", heads_, " heads"));
    Tensor* output;
    OP_REQUIRES_OK(context, context->allocate_output(0, size.Output(), &output));
    if (output->NumElements() == 0) return;
    const Index stride = 3 * size.width;
    ForEach(context, size.batch * heads_, size.Nanoseconds(), [&](Index task) {
      const Index sample = task / heads_ * size.tokens;
      const Index column = task % heads_ * size.head;
      const float* q = In(qkv) + sample * stride + column;
      Best().attention(size.tokens, size.head, q, q + size.width, q + 2 * size.width, stride,
                       Out(output) + sample * size.width + column, size.width,
                       Scratch(Best().attention_scratch(size.tokens, size.head, false)));
    });
  }

 private:
  int64_t heads_;
};

class AttentionGradOp : public OpKernel {
 public:
  explicit AttentionGradOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("heads", &heads_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& qkv = context->input(1);
    AttentionSize size;
    OP_REQUIRES(context, size.Read(qkv, heads_) && dy.shape() == size.Output(),
                InvalidArgument("SitAttentionGrad: expected qkv [batch, tokens, 3 x heads x head] and dy [batch, tokens, "
                                "heads x head], got ",
                                qkv.shape().DebugString(), " and ", dy.shape().DebugString(), " with ", heads_,
                                " heads"));
    Tensor* d_qkv;
    OP_REQUIRES_OK(context, context->allocate_output(0, qkv.shape(), &d_qkv));
    if (d_qkv->NumElements() == 0) return;
    const Index stride = 3 * size.width;
    ForEach(context, size.batch * heads_, 3.0 * size.Nanoseconds(), [&](Index task) {
      const Index sample = task / heads_ * size.tokens;
      const Index column = task % heads_ * size.head;
      const Index at = sample * stride + column;
      const float* q = In(qkv) + at;
      float* dq = Out(d_qkv) + at;
      Best().attention_gradient(size.tokens, size.head, q, q + size.width, q + 2 * size.width, stride,
                                In(dy) + sample * size.width + column, size.width, dq, dq + size.width,
                                dq + 2 * size.width,
                                Scratch(Best().attention_scratch(size.tokens, size.head, true)));
    });
  }

 private:
  int64_t heads_;
};

REGISTER_KERNEL_BUILDER(Name("SitAttention").Device(DEVICE_CPU), AttentionOp);
REGISTER_KERNEL_BUILDER(Name("SitAttentionGrad").Device(DEVICE_CPU), AttentionGradOp);

}  // namespace sitjs
