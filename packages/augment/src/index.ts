export { blurImage } from "./blur.js";
export type { Interpolation } from "./coefficients.js";
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  grayscale,
  solarizeImage,
  toChannels,
} from "./color.js";
export { centerCropImage, crop, horizontalFlip, type Padding, pad, resizeToCoverImage } from "./geometry.js";
export { type Box, checkImage, type Image, type Size } from "./image.js";
export {
  type ChannelStatistics,
  channelStatistics,
  imageNetStatistics,
  type Normalizer,
  normalizer,
} from "./normalize.js";
export { applyViews, createViews, type View } from "./pipeline.js";
export { resizeCrop, resizeImage } from "./resize.js";
export {
  type CenterCropSpec,
  type ColorJitterSpec,
  type ComposeSpec,
  centerCrop,
  colorJitter,
  compose,
  type GaussianBlurSpec,
  gaussianBlur,
  type ModuleSpec,
  moduleTransform,
  type RandomCropSpec,
  type RandomGrayscaleSpec,
  type RandomHorizontalFlipSpec,
  type RandomResizedCropSpec,
  type Range,
  type ResizeSpec,
  type ResizeToCoverSpec,
  randomCrop,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  resizeToCover,
  type SolarizeSpec,
  solarize,
  type TransformSpec,
} from "./specs.js";
export { createTransform, type Transform } from "./transforms.js";
export {
  type ContrastiveViewOptions,
  contrastiveView,
  type EvalViewOptions,
  evalView,
  type Jitter,
  type SitViewsOptions,
  sitViews,
  type TrainViewOptions,
  trainView,
  type ViewOptions,
  type ViewSpec,
} from "./views.js";
