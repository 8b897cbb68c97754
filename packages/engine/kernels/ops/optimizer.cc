// The norms of all gradients, one AdamW step of all parameters, and the momentum update of all parameters, each in one
// call.
#include <cmath>

#include "common.h"

namespace sitjs {

// first and second [total]: both moments of all parameters, one after the other. settings: beta1, 1 - beta1, beta2,
// 1 - beta2, epsilon, the largest norm of each gradient, the largest norm of all together (0: no limit). decay, rate and
// root [count]: the parameter's factor, the direction's, and 1 / sqrt(1 - beta2^step) by which the second moment's root is
// multiplied. All are inputs, since TensorFlow keeps one kernel for every value of an attribute it has seen. norms [count]: of the gradients, for the limits; empty
// where there are none. `overwrite`: params and moments are given up, and their memory becomes the outputs'.
REGISTER_OP("SitAdamW")
    .Input("params: count * float")
    .Input("gradients: count * float")
    .Input("first: float")
    .Input("second: float")
    .Input("settings: float")
    .Input("decay: float")
    .Input("rate: float")
    .Input("root: float")
    .Input("norms: float")
    .Attr("count: int >= 1")
    .Attr("overwrite: bool")
    .Output("next: count * float")
    .Output("next_first: float")
    .Output("next_second: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// norms [count]: the Euclidean norm of each tensor.
REGISTER_OP("SitNorms")
    .Input("tensors: count * float")
    .Attr("count: int >= 1")
    .Output("norms: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// next = old x momentum + new x rest; weights: momentum, rest.
REGISTER_OP("SitMomentum")
    .Input("old: count * float")
    .Input("new: count * float")
    .Input("weights: float")
    .Attr("count: int >= 1")
    .Attr("overwrite: bool")
    .Output("next: count * float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// Many tensors as tasks of at most kPiece elements each.
struct Piece {
  int tensor;
  Index begin, count, offset;  // within the tensor; and in all tensors together
};
constexpr Index kPiece = 16384;

std::vector<Piece> Pieces(const OpInputList& tensors) {
  std::vector<Piece> pieces;
  Index offset = 0;
  for (int i = 0; i < tensors.size(); i++) {
    const Index size = tensors[i].NumElements();
    for (Index begin = 0; begin < size; begin += kPiece) {
      pieces.push_back({i, begin, Least(kPiece, size - begin), offset + begin});
    }
    offset += size;
  }
  return pieces;
}

class NormsOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    OpInputList tensors;
    OP_REQUIRES_OK(context, context->input_list("tensors", &tensors));
    Tensor* norms = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({tensors.size()}), &norms));
    const std::vector<Piece> pieces = Pieces(tensors);
    std::vector<double> squares(pieces.size());
    ForEach(context, static_cast<Index>(pieces.size()), 0.2 * kPiece, [&](Index task) {
      const Piece& piece = pieces[task];
      squares[task] = Best().sum_squares(piece.count, In(tensors[piece.tensor]) + piece.begin);
    });
    // In the order of the pieces, whatever the number of threads.
    std::vector<double> sums(tensors.size(), 0.0);
    for (size_t task = 0; task < pieces.size(); task++) sums[pieces[task].tensor] += squares[task];
    float* out = norms->flat<float>().data();
    for (size_t i = 0; i < sums.size(); i++) out[i] = static_cast<float>(std::sqrt(sums[i]));
  }
};

class AdamWOp : public OpKernel {
 public:
  explicit AdamWOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("overwrite", &overwrite_));
  }

  void Compute(OpKernelContext* context) override {
    OpInputList params, gradients;
    OP_REQUIRES_OK(context, context->input_list("params", &params));
    OP_REQUIRES_OK(context, context->input_list("gradients", &gradients));
    const int count = params.size();
    const Tensor& first = context->input(2 * count);
    const Tensor& second = context->input(2 * count + 1);
    const Tensor& settings = context->input(2 * count + 2);
    const Tensor& decay = context->input(2 * count + 3);
    const Tensor& rate = context->input(2 * count + 4);
    const Tensor& root = context->input(2 * count + 5);
    const Tensor& norms = context->input(2 * count + 6);
    Index total = 0;
    for (int i = 0; i < count; i++) {
      OP_REQUIRES(context, params[i].NumElements() == gradients[i].NumElements(),
                  InvalidArgument("SitAdamW: expected gradient ", i, " like its parameter, got ",
                                  gradients[i].shape().DebugString(), " and ", params[i].shape().DebugString()));
      total += params[i].NumElements();
    }
    OP_REQUIRES(context,
                first.NumElements() == total && second.NumElements() == total && settings.NumElements() == 7 &&
                    decay.NumElements() == count && rate.NumElements() == count && root.NumElements() == count,
                InvalidArgument("SitAdamW: expected moments of ", total, ", 7 settings, decay, rate and root of ", count,
                                ", got ", first.shape().DebugString(), ", ", second.shape().DebugString(), ", ",
                                settings.shape().DebugString(), ", ", decay.shape().DebugString(), ", ",
                                rate.shape().DebugString(), ", ", root.shape().DebugString()));
    const float* s = In(settings);
    const bool limited = s[5] > 0.0f || s[6] > 0.0f;
    OP_REQUIRES(context, norms.NumElements() == count || (norms.NumElements() == 0 && !limited),
                InvalidArgument("SitAdamW: expected the norms of ", count, " gradients, got ",
                                norms.shape().DebugString()));
    std::vector<float*> outputs(count);
    for (int i = 0; i < count; i++) {
      OP_REQUIRES_OK(context, OutputFor(context, i, params[i], overwrite_, &outputs[i]));
    }
    float *next_first, *next_second;
    OP_REQUIRES_OK(context, OutputFor(context, count, first, overwrite_, &next_first));
    OP_REQUIRES_OK(context, OutputFor(context, count + 1, second, overwrite_, &next_second));

    const std::vector<Piece> pieces = Pieces(params);
    const Index tasks = static_cast<Index>(pieces.size());
    const std::vector<float> clip = Clip(count, In(norms), s[5], s[6]);
    ForEach(context, tasks, 0.5 * kPiece, [&](Index task) {
      const Piece& piece = pieces[task];
      const int i = piece.tensor;
      const AdamWSettings adamw = {s[0], s[1], s[2], s[3], s[4], In(root)[i]};
      Best().adamw(piece.count, adamw, clip[i], In(decay)[i], In(rate)[i], In(params[i]) + piece.begin,
                   In(gradients[i]) + piece.begin, In(first) + piece.offset, In(second) + piece.offset,
                   outputs[i] + piece.begin, next_first + piece.offset, next_second + piece.offset);
    });
  }

 private:
  bool overwrite_;

  // The factor of every gradient.
  static std::vector<float> Clip(int count, const float* norms, float each, float together) {
    std::vector<float> factors(count, 1.0f);
    if (!(each > 0.0f) && !(together > 0.0f)) return factors;
    // NaN stays NaN: a minimum would hide it.
    const auto factor = [](double limit, double norm) {
      const double share = limit / (norm + 1e-6);
      return static_cast<float>(share > 1.0 ? 1.0 : share);
    };
    double all = 0.0;
    for (int i = 0; i < count; i++) all += static_cast<double>(norms[i]) * norms[i];
    for (int i = 0; i < count; i++) {
      factors[i] = each > 0.0f ? factor(each, norms[i]) : factor(together, std::sqrt(all));
    }
    return factors;
  }
};

class MomentumOp : public OpKernel {
 public:
  explicit MomentumOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("overwrite", &overwrite_));
  }

  void Compute(OpKernelContext* context) override {
    OpInputList old, follow;
    OP_REQUIRES_OK(context, context->input_list("old", &old));
    OP_REQUIRES_OK(context, context->input_list("new", &follow));
    const int count = old.size();
    const Tensor& weights = context->input(2 * count);
    OP_REQUIRES(context, weights.NumElements() == 2,
                InvalidArgument("SitMomentum: expected 2 weights, got ", weights.shape().DebugString()));
    std::vector<float*> outputs(count);
    for (int i = 0; i < count; i++) {
      OP_REQUIRES(context, old[i].NumElements() == follow[i].NumElements(),
                  InvalidArgument("SitMomentum: expected tensor ", i, " of both alike, got ",
                                  old[i].shape().DebugString(), " and ", follow[i].shape().DebugString()));
      OP_REQUIRES_OK(context, OutputFor(context, i, old[i], overwrite_, &outputs[i]));
    }
    const float momentum = In(weights)[0], rest = In(weights)[1];
    const std::vector<Piece> pieces = Pieces(old);
    ForEach(context, static_cast<Index>(pieces.size()), 0.3 * kPiece, [&](Index task) {
      const Piece& piece = pieces[task];
      Best().blend(piece.count, In(old[piece.tensor]) + piece.begin, momentum, In(follow[piece.tensor]) + piece.begin,
                   rest, outputs[piece.tensor] + piece.begin);
    });
  }

 private:
  bool overwrite_;
};

// sum + x, in the memory of `sum` where nobody else holds it: JavaScript gives it up.
REGISTER_OP("SitAddTo").Input("sum: float").Input("x: float").Output("next: float").SetShapeFn(
    [](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

class AddToOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& sum = context->input(0);
    const Tensor& x = context->input(1);
    OP_REQUIRES(context, sum.shape() == x.shape(),
                InvalidArgument("SitAddTo: expected two alike, got ", sum.shape().DebugString(), " and ",
                                x.shape().DebugString()));
    float* next;
    OP_REQUIRES_OK(context, OutputFor(context, 0, sum, true, &next));
    ForEach(context, Blocks(x.NumElements(), kPiece), 0.3 * kPiece, [&](Index task) {
      const Index at = task * kPiece;
      Best().add_scaled(Least(kPiece, x.NumElements() - at), In(sum) + at, 1.0f, In(x) + at, next + at);
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("SitAdamW").Device(DEVICE_CPU), AdamWOp);
REGISTER_KERNEL_BUILDER(Name("SitNorms").Device(DEVICE_CPU), NormsOp);
REGISTER_KERNEL_BUILDER(Name("SitAddTo").Device(DEVICE_CPU), AddToOp);
REGISTER_KERNEL_BUILDER(Name("SitMomentum").Device(DEVICE_CPU), MomentumOp);

}  // namespace sitjs
