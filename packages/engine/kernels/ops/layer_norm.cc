// Layer normalisation over the last axis and its gradient.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitLayerNorm")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Attr("epsilon: float")
    .Output("y: float")
    .Output("mean: float")
    .Output("inverse: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

REGISTER_OP("SitLayerNormGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("gamma: float")
    .Input("mean: float")
    .Input("inverse: float")
    .Output("dx: float")
    .Output("d_gamma: float")
    .Output("d_beta: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

class LayerNormOp : public OpKernel {
 public:
  explicit LayerNormOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &epsilon_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& gamma = context->input(1);
    const Tensor& beta = context->input(2);
    const RowsOf size(x);
    OP_REQUIRES(context, x.dims() >= 1 && gamma.NumElements() == size.columns && beta.NumElements() == size.columns,
                InvalidArgument("SitLayerNorm: expected gamma and beta of x's last axis, got x ",
                                x.shape().DebugString(), ", gamma ", gamma.shape().DebugString(), ", beta ",
                                beta.shape().DebugString()));
    Tensor *y, *mean, *inverse;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({size.rows}), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({size.rows}), &inverse));
    const Index block = 128;
    ForEach(context, Blocks(size.rows, block), 0.5 * block * size.columns, [&](Index task) {
      const Index row = task * block;
      const Index at = row * size.columns;
      Best().layer_norm(Least(block, size.rows - row), size.columns, In(x) + at, In(gamma), In(beta), epsilon_,
                        Out(y) + at, Out(mean) + row, Out(inverse) + row);
    });
  }

 private:
  float epsilon_;
};

class LayerNormGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    const Tensor& gamma = context->input(2);
    const Tensor& mean = context->input(3);
    const Tensor& inverse = context->input(4);
    const RowsOf size(x);
    OP_REQUIRES(context,
                x.dims() >= 1 && dy.NumElements() == x.NumElements() && gamma.NumElements() == size.columns &&
                    mean.NumElements() == size.rows && inverse.NumElements() == size.rows,
                InvalidArgument("SitLayerNormGrad: expected dy like x, gamma of its last axis, mean and inverse of its "
                                "rows, got x ",
                                x.shape().DebugString(), ", dy ", dy.shape().DebugString(), ", gamma ",
                                gamma.shape().DebugString(), ", mean ", mean.shape().DebugString(), ", inverse ",
                                inverse.shape().DebugString()));
    Tensor *dx, *d_gamma, *d_beta;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, gamma.shape(), &d_gamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, gamma.shape(), &d_beta));
    // Partial sums of at most 32 blocks of rows, whatever the number of threads.
    const Index block = size.rows < 32 * 64 ? 64 : Blocks(size.rows, 32);
    const Index blocks = Blocks(size.rows, block);
    const Index columns = size.columns;
    Tensor partial;
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({blocks, 2 * columns}), &partial));
    ForEach(context, blocks, 1.0 * block * columns, [&](Index task) {
      const Index row = task * block;
      const Index at = row * columns;
      float* sums = Out(&partial) + task * 2 * columns;
      for (Index i = 0; i < 2 * columns; i++) sums[i] = 0.0f;
      Best().layer_norm_gradient(Least(block, size.rows - row), columns, In(dy) + at, In(x) + at, In(gamma),
                                 In(mean) + row, In(inverse) + row, Out(dx) + at, sums, sums + columns);
    });
    for (Index i = 0; i < columns; i++) Out(d_gamma)[i] = Out(d_beta)[i] = 0.0f;
    Best().add_rows(blocks, columns, In(partial), 2 * columns, Out(d_gamma));
    Best().add_rows(blocks, columns, In(partial) + columns, 2 * columns, Out(d_beta));
  }
};

REGISTER_KERNEL_BUILDER(Name("SitLayerNorm").Device(DEVICE_CPU), LayerNormOp);
REGISTER_KERNEL_BUILDER(Name("SitLayerNormGrad").Device(DEVICE_CPU), LayerNormGradOp);

}  // namespace sitjs
