// Multi-head attention from packed queries, keys and values [batch, tokens, 3 x width], without transposes.
#include "products.h"

namespace sitjs {

// rounded: queries, keys and values in bfloat16 [batch, heads, 3, tokens, pairs], where `keep` and `reduced` (bfloat16).
REGISTER_OP("SitAttention")
    .Input("qkv: float")
    .Attr("heads: int >= 1")
    .Attr("keep: bool")
    .Attr("reduced: bool")
    .Output("output: float")
    .Output("rounded: int32")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// qkv or rounded.
REGISTER_OP("SitAttentionGrad")
    .Input("dy: float")
    .Input("qkv: qkvs * float")
    .Input("rounded: roundeds * int32")
    .Attr("qkvs: int >= 0")
    .Attr("roundeds: int >= 0")
    .Attr("heads: int >= 1")
    .Output("d_qkv: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

struct AttentionSize {
  Index batch = 0, tokens = 0, width = 0, head = 0;

  // The shape of the output.
  bool Read(const TensorShape& shape, Index columns, Index heads) {
    if (shape.dims() != 3 || heads < 1 || columns <= 0 || columns % heads != 0) return false;
    batch = shape.dim_size(0);
    tokens = shape.dim_size(1);
    width = columns;
    head = width / heads;
    return true;
  }

  TensorShape Output() const { return TensorShape({batch, tokens, width}); }
  TensorShape Packed() const { return TensorShape({batch, tokens, 3 * width}); }
  TensorShape Rounded(Index heads) const { return TensorShape({batch, heads, 3, tokens, Pairs(head)}); }
  // Words of one head of one sample.
  Index RoundedHead() const { return 3 * tokens * Pairs(head); }

  double Nanoseconds() const { return 0.1 * static_cast<double>(tokens) * static_cast<double>(tokens * head); }
};

class AttentionOp : public OpKernel {
 public:
  explicit AttentionOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("heads", &heads_));
    OP_REQUIRES_OK(context, context->GetAttr("keep", &keep_));
    OP_REQUIRES_OK(context, context->GetAttr("reduced", &rounded_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& qkv = context->input(0);
    AttentionSize size;
    OP_REQUIRES(context,
                qkv.dims() == 3 && qkv.dim_size(2) % 3 == 0 && size.Read(qkv.shape(), qkv.dim_size(2) / 3, heads_),
                InvalidArgument("SitAttention: expected [batch, tokens, 3 x heads x head], got ",
                                qkv.shape().DebugString(), " with ", heads_, " heads"));
    const bool keep = keep_ && rounded_;
    Tensor *output, *rounded;
    OP_REQUIRES_OK(context, context->allocate_output(0, size.Output(), &output));
    OP_REQUIRES_OK(context, context->allocate_output(1, keep ? size.Rounded(heads_) : TensorShape({0}), &rounded));
    if (output->NumElements() == 0) return;
    const Index stride = 3 * size.width;
    ForEach(context, size.batch * heads_, size.Nanoseconds(), [&](Index task) {
      const Index sample = task / heads_ * size.tokens;
      const Index column = task % heads_ * size.head;
      const float* q = In(qkv) + sample * stride + column;
      float* out = Out(output) + sample * size.width + column;
      if (!rounded_) {
        Best().attention(size.tokens, size.head, q, q + size.width, q + 2 * size.width, stride, out, size.width,
                         Scratch(Best().attention_scratch(size.tokens, size.head, false)));
        return;
      }
      const Index own = keep ? 0 : size.RoundedHead();
      float* scratch = Scratch(own + Best().rounded_attention_scratch(size.tokens, size.head, false));
      Word* pairs = keep ? Words(rounded) + task * size.RoundedHead() : reinterpret_cast<Word*>(scratch);
      for (Index part = 0; part < 3; part++) {
        for (Index token = 0; token < size.tokens; token++) {
          Best().pair_row(size.head, q + part * size.width + token * stride,
                          pairs + (part * size.tokens + token) * Pairs(size.head));
        }
      }
      Best().rounded_attention(size.tokens, size.head, pairs, out, size.width, scratch + own);
    });
  }

 private:
  int64_t heads_;
  bool keep_, rounded_;
};

class AttentionGradOp : public OpKernel {
 public:
  explicit AttentionGradOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("heads", &heads_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    OpInputList qkv, rounded;
    OP_REQUIRES_OK(context, context->input_list("qkv", &qkv));
    OP_REQUIRES_OK(context, context->input_list("rounded", &rounded));
    AttentionSize size;
    OP_REQUIRES(context,
                dy.dims() == 3 && size.Read(dy.shape(), dy.dim_size(2), heads_) && qkv.size() + rounded.size() == 1 &&
                    (qkv.size() == 0 || qkv[0].shape() == size.Packed()) &&
                    (rounded.size() == 0 || rounded[0].shape() == size.Rounded(heads_)),
                InvalidArgument("SitAttentionGrad: expected dy [batch, tokens, heads x head] and qkv [batch, tokens, 3 x "
                                "heads x head] or its rounded form, got ",
                                dy.shape().DebugString(), " and ",
                                qkv.size() == 1 ? qkv[0].shape().DebugString()
                                                : rounded.size() == 1 ? rounded[0].shape().DebugString() : "none",
                                " with ", heads_, " heads"));
    Tensor* d_qkv;
    OP_REQUIRES_OK(context, context->allocate_output(0, size.Packed(), &d_qkv));
    if (d_qkv->NumElements() == 0) return;
    const Index stride = 3 * size.width;
    ForEach(context, size.batch * heads_, 3.0 * size.Nanoseconds(), [&](Index task) {
      const Index sample = task / heads_ * size.tokens;
      const Index column = task % heads_ * size.head;
      const Index at = sample * stride + column;
      const float* d = In(dy) + sample * size.width + column;
      float* dq = Out(d_qkv) + at;
      float* dk = dq + size.width;
      float* dv = dk + size.width;
      if (rounded.size() == 1) {
        Best().rounded_attention_gradient(
            size.tokens, size.head, Words(rounded[0]) + task * size.RoundedHead(), d, size.width, dq, dk, dv, stride,
            Scratch(Best().rounded_attention_scratch(size.tokens, size.head, true)));
        return;
      }
      const float* q = In(qkv[0]) + at;
      Best().attention_gradient(size.tokens, size.head, q, q + size.width, q + 2 * size.width, stride, d, size.width, dq,
                                dk, dv, Scratch(Best().attention_scratch(size.tokens, size.head, true)));
    });
  }

 private:
  int64_t heads_;
};

REGISTER_KERNEL_BUILDER(Name("SitAttention").Device(DEVICE_CPU), AttentionOp);
REGISTER_KERNEL_BUILDER(Name("SitAttentionGrad").Device(DEVICE_CPU), AttentionGradOp);

}  // namespace sitjs
