// Images cut into patches and put together again; the mean error between images under a mask, and its gradient.
#include "common.h"

namespace sitjs {

REGISTER_OP("SitPatchify")
    .Input("images: float")
    .Attr("patch: int")
    .Output("patches: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

REGISTER_OP("SitUnpatchify")
    .Input("patches: float")
    .Attr("rows: int")
    .Attr("columns: int")
    .Attr("patch: int")
    .Output("images: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// error = sum(mask x |x - clean|) / count, count = max(1, channels x sum(mask)); squares where `squared`. x and clean
// [..., channels], mask [...] or [..., 1]; without a mask every value counts.
REGISTER_OP("SitMaskedError")
    .Input("x: float")
    .Input("clean: float")
    .Input("mask: mask_count * float")
    .Attr("mask_count: int >= 0")
    .Attr("squared: bool")
    .Output("error: float")
    .Output("count: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// The gradient with respect to x; the one with respect to clean is its negative.
REGISTER_OP("SitMaskedErrorGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("clean: float")
    .Input("count: float")
    .Input("mask: mask_count * float")
    .Attr("mask_count: int >= 0")
    .Attr("squared: bool")
    .Output("dx: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext*) { return absl::OkStatus(); });

// Of a patch's side and of patches along a side, so that no product of two sides is beyond 64 bits. Tensors without
// elements have any shape, so that their memory bounds nothing.
constexpr int64_t kMostPixels = 1 << 20;

class PatchifyOp : public OpKernel {
 public:
  explicit PatchifyOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("patch", &patch_));
    OP_REQUIRES(context, patch_ >= 1 && patch_ <= kMostPixels,
                InvalidArgument("SitPatchify: expected a patch from 1 to ", kMostPixels, ", got ", patch_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& images = context->input(0);
    OP_REQUIRES(context,
                images.dims() == 4 && images.dim_size(1) % patch_ == 0 && images.dim_size(2) % patch_ == 0,
                InvalidArgument("SitPatchify: expected images [batch, height, width, channels] with sides that ",
                                patch_, " divides, got ", images.shape().DebugString()));
    const Index batch = images.dim_size(0), channels = images.dim_size(3);
    const Index rows = images.dim_size(1) / patch_, columns = images.dim_size(2) / patch_;
    TensorShape shape;
    OP_REQUIRES_OK(context, TensorShape::BuildTensorShape({batch, rows * columns, channels * patch_ * patch_}, &shape));
    Tensor* patches;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &patches));
    const Index band = columns * patch_ * patch_ * channels;
    if (band == 0) return;
    ForEach(context, batch * rows, 0.3 * band, [&](Index task) {
      Best().pixels.patchify(patch_, columns, channels, In(images) + task * band, Out(patches) + task * band);
    });
  }

 private:
  int64_t patch_;
};

class UnpatchifyOp : public OpKernel {
 public:
  explicit UnpatchifyOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("rows", &rows_));
    OP_REQUIRES_OK(context, context->GetAttr("columns", &columns_));
    OP_REQUIRES_OK(context, context->GetAttr("patch", &patch_));
    const auto fits = [](int64_t side) { return side >= 1 && side <= kMostPixels; };
    OP_REQUIRES(context, fits(rows_) && fits(columns_) && fits(patch_),
                InvalidArgument("SitUnpatchify: expected rows, columns and patch from 1 to ", kMostPixels, ", got ",
                                rows_, ", ", columns_, ", ", patch_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& patches = context->input(0);
    OP_REQUIRES(context,
                patches.dims() == 3 && patches.dim_size(1) == rows_ * columns_ &&
                    patches.dim_size(2) % (patch_ * patch_) == 0,
                InvalidArgument("SitUnpatchify: expected patches [batch, ", rows_ * columns_, ", channels x ",
                                patch_ * patch_, "], got ", patches.shape().DebugString()));
    const Index batch = patches.dim_size(0), channels = patches.dim_size(2) / (patch_ * patch_);
    TensorShape shape;
    OP_REQUIRES_OK(context,
                   TensorShape::BuildTensorShape({batch, rows_ * patch_, columns_ * patch_, channels}, &shape));
    Tensor* images;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &images));
    const Index band = columns_ * patch_ * patch_ * channels;
    if (band == 0) return;
    ForEach(context, batch * rows_, 0.3 * band, [&](Index task) {
      Best().pixels.unpatchify(patch_, columns_, channels, In(patches) + task * band, Out(images) + task * band);
    });
  }

 private:
  int64_t rows_, columns_, patch_;
};

constexpr Index kPixelBlock = 4096;

// x and clean as pixels of a mask's value each; without a mask, of one value each.
struct Pixels {
  Index count, channels;
  bool fit;
  Pixels(const Tensor& x, const Tensor& clean, const OpInputList& mask) : count(0), channels(1), fit(false) {
    count = mask.size() == 1 ? mask[0].NumElements() : x.NumElements();
    if (count > 0) channels = x.NumElements() / count;
    fit = mask.size() <= 1 && clean.shape() == x.shape() && channels * count == x.NumElements();
    // [..., channels] over [...] or [..., 1], not whatever has the right number of values.
    if (mask.size() == 1 && x.dims() > 0) {
      const Index last = x.dim_size(x.dims() - 1);
      fit = fit && (x.NumElements() == 0 || channels == last);
    }
  }
};

class MaskedErrorOp : public OpKernel {
 public:
  explicit MaskedErrorOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("squared", &squared_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& clean = context->input(1);
    OpInputList mask;
    OP_REQUIRES_OK(context, context->input_list("mask", &mask));
    const Pixels pixels(x, clean, mask);
    OP_REQUIRES(context, pixels.fit,
                InvalidArgument("SitMaskedError: expected clean like x and a mask value for each pixel, got x ",
                                x.shape().DebugString(), ", clean ", clean.shape().DebugString(), ", ", mask.size(),
                                " masks"));
    const float* weights = mask.size() == 1 ? In(mask[0]) : nullptr;
    Tensor *error, *count;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &error));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({}), &count));
    const Index blocks = Blocks(pixels.count, kPixelBlock);
    std::vector<double> errors(blocks), sums(blocks);
    ForEach(context, blocks, 0.5 * kPixelBlock * pixels.channels, [&](Index task) {
      const Index pixel = task * kPixelBlock;
      const Index at = pixel * pixels.channels;
      Best().pixels.masked_error(Least(kPixelBlock, pixels.count - pixel), pixels.channels, squared_, In(x) + at,
                                 In(clean) + at, weights == nullptr ? nullptr : weights + pixel, &errors[task],
                                 &sums[task]);
    });
    double total = 0.0, weight = 0.0;
    for (Index task = 0; task < blocks; task++) {
      total += errors[task];
      weight += sums[task];
    }
    weight *= static_cast<double>(pixels.channels);
    if (weight < 1.0) weight = 1.0;  // NaN stays
    *Out(error) = static_cast<float>(total / weight);
    *Out(count) = static_cast<float>(weight);
  }

 private:
  bool squared_;
};

class MaskedErrorGradOp : public OpKernel {
 public:
  explicit MaskedErrorGradOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("squared", &squared_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    const Tensor& clean = context->input(2);
    const Tensor& count = context->input(3);
    OpInputList mask;
    OP_REQUIRES_OK(context, context->input_list("mask", &mask));
    const Pixels pixels(x, clean, mask);
    OP_REQUIRES(context, pixels.fit && dy.NumElements() == 1 && count.NumElements() == 1,
                InvalidArgument("SitMaskedErrorGrad: expected clean like x, a mask value for each pixel, dy and count "
                                "of one value, got x ",
                                x.shape().DebugString(), ", clean ", clean.shape().DebugString(), ", ", mask.size(),
                                " masks, dy ", dy.shape().DebugString(), ", count ", count.shape().DebugString()));
    const float* weights = mask.size() == 1 ? In(mask[0]) : nullptr;
    Tensor* dx;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    const float scale = *In(dy) / *In(count);
    ForEach(context, Blocks(pixels.count, kPixelBlock), 0.4 * kPixelBlock * pixels.channels, [&](Index task) {
      const Index pixel = task * kPixelBlock;
      const Index at = pixel * pixels.channels;
      Best().pixels.masked_error_gradient(Least(kPixelBlock, pixels.count - pixel), pixels.channels, squared_,
                                          In(x) + at, In(clean) + at, weights == nullptr ? nullptr : weights + pixel,
                                          scale, Out(dx) + at);
    });
  }

 private:
  bool squared_;
};

REGISTER_KERNEL_BUILDER(Name("SitPatchify").Device(DEVICE_CPU), PatchifyOp);
REGISTER_KERNEL_BUILDER(Name("SitUnpatchify").Device(DEVICE_CPU), UnpatchifyOp);
REGISTER_KERNEL_BUILDER(Name("SitMaskedError").Device(DEVICE_CPU), MaskedErrorOp);
REGISTER_KERNEL_BUILDER(Name("SitMaskedErrorGrad").Device(DEVICE_CPU), MaskedErrorGradOp);

}  // namespace sitjs
