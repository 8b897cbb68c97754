// Batch normalisation of [rows, features] by the batch's own statistics: those, the normalised values, the gradient.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitBatchStatistics")
    .Input("x: float")
    .Output("mean: float")
    .Output("variance: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// affine: none, or gamma and beta.
REGISTER_OP("SitBatchNorm")
    .Input("x: float")
    .Input("mean: float")
    .Input("variance: float")
    .Input("affine: affine_count * float")
    .Attr("affine_count: int >= 0")
    .Attr("epsilon: float")
    .Output("y: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// affine: none, or gamma.
REGISTER_OP("SitBatchNormGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("mean: float")
    .Input("variance: float")
    .Input("affine: affine_count * float")
    .Attr("affine_count: int >= 0")
    .Attr("epsilon: float")
    .Output("dx: float")
    .Output("d_gamma: float")
    .Output("d_beta: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// run(column, columns) for parts of x's columns: a column's sums are made by one thread, in the order of the rows.
template <typename Run>
void ForColumns(OpKernelContext* context, const Tensor& x, double nanoseconds, const Run& run) {
  const Index columns = x.dim_size(1);
  ForEach(context, Blocks(columns, kNormColumns), nanoseconds * x.dim_size(0) * kNormColumns, [&](Index task) {
    const Index column = task * kNormColumns;
    run(column, Least(kNormColumns, columns - column));
  });
}

bool AllOfSize(const OpInputList& tensors, Index size) {
  for (const Tensor& tensor : tensors) {
    if (tensor.NumElements() != size) return false;
  }
  return true;
}

class BatchStatisticsOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 2 && x.dim_size(0) > 0,
                InvalidArgument("SitBatchStatistics: expected x [rows, features] of at least one row, got ",
                                x.shape().DebugString()));
    const Index rows = x.dim_size(0), ld = x.dim_size(1);
    Tensor *mean, *variance;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({ld}), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({ld}), &variance));
    ForColumns(context, x, 0.4, [&](Index column, Index columns) {
      Best().batch_norm.statistics(rows, columns, ld, In(x) + column, Out(mean) + column, Out(variance) + column);
    });
  }
};

class BatchNormOp : public OpKernel {
 public:
  explicit BatchNormOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &epsilon_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& mean = context->input(1);
    const Tensor& variance = context->input(2);
    OpInputList affine;
    OP_REQUIRES_OK(context, context->input_list("affine", &affine));
    const Index ld = x.dims() == 2 ? x.dim_size(1) : -1;
    OP_REQUIRES(context,
                mean.NumElements() == ld && variance.NumElements() == ld && AllOfSize(affine, ld) &&
                    (affine.size() == 0 || affine.size() == 2),
                InvalidArgument("SitBatchNorm: expected x [rows, features], mean, variance and none or both of gamma "
                                "and beta [features], got x ",
                                x.shape().DebugString(), ", mean ", mean.shape().DebugString(), ", variance ",
                                variance.shape().DebugString(), " and ", affine.size(), " more"));
    Tensor* y;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    ForColumns(context, x, 0.3, [&](Index at, Index columns) {
      Best().batch_norm.normalize(x.dim_size(0), columns, ld, In(x) + at, In(mean) + at, In(variance) + at,
                                  affine.size() == 0 ? nullptr : In(affine[0]) + at,
                                  affine.size() == 0 ? nullptr : In(affine[1]) + at, epsilon_, Out(y) + at);
    });
  }

 private:
  float epsilon_;
};

class BatchNormGradOp : public OpKernel {
 public:
  explicit BatchNormGradOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &epsilon_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    const Tensor& mean = context->input(2);
    const Tensor& variance = context->input(3);
    OpInputList affine;
    OP_REQUIRES_OK(context, context->input_list("affine", &affine));
    const Index ld = x.dims() == 2 ? x.dim_size(1) : -1;
    OP_REQUIRES(context,
                dy.shape() == x.shape() && mean.NumElements() == ld && variance.NumElements() == ld &&
                    AllOfSize(affine, ld) && affine.size() <= 1 && x.dims() == 2 && x.dim_size(0) > 0,
                InvalidArgument("SitBatchNormGrad: expected x [rows, features], dy alike, mean, variance and at most "
                                "gamma [features], got x ",
                                x.shape().DebugString(), ", dy ", dy.shape().DebugString(), ", mean ",
                                mean.shape().DebugString(), ", variance ", variance.shape().DebugString(), " and ",
                                affine.size(), " more"));
    Tensor *dx, *d_gamma, *d_beta;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({ld}), &d_gamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({ld}), &d_beta));
    ForColumns(context, x, 0.7, [&](Index at, Index columns) {
      Best().batch_norm.gradient(x.dim_size(0), columns, ld, In(dy) + at, In(x) + at, In(mean) + at,
                                 In(variance) + at, affine.size() == 0 ? nullptr : In(affine[0]) + at, epsilon_,
                                 Out(dx) + at, Out(d_gamma) + at, Out(d_beta) + at);
    });
  }

 private:
  float epsilon_;
};

REGISTER_KERNEL_BUILDER(Name("SitBatchStatistics").Device(DEVICE_CPU), BatchStatisticsOp);
REGISTER_KERNEL_BUILDER(Name("SitBatchNorm").Device(DEVICE_CPU), BatchNormOp);
REGISTER_KERNEL_BUILDER(Name("SitBatchNormGrad").Device(DEVICE_CPU), BatchNormGradOp);

}  // namespace sitjs
