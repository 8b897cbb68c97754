export {
  type AffineMatrix,
  type AffineOptions,
  affineImage,
  rotateImage,
  shearX,
  shearY,
  translateImage,
} from "./affine.js";
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
export {
  type ContrastiveViewsOptions,
  type DinoViewsOptions,
  dinoViews,
  type SimclrViewsOptions,
  type SitViewsOptions,
  simclrViews,
  sitViews,
} from "./contrastive-views.js";
export { type ErasingSpec, randomErasing } from "./erasing.js";
export { centerCropImage, crop, horizontalFlip, type Padding, pad, resizeToCoverImage } from "./geometry.js";
export { type Box, checkImage, type Image, type Size } from "./image.js";
export { autoContrast, equalizeImage, invertImage, posterizeImage, solarizeAdd } from "./levels.js";
export {
  type ChannelStatistics,
  channelStatistics,
  imageNetStatistics,
  type Normalizer,
  normalizer,
} from "./normalize.js";
export { applyViews, createViews, type View } from "./pipeline.js";
export { resizeCrop, resizeImage } from "./resize.js";
export { adjustSharpness } from "./sharpness.js";
export type {
  CenterCropSpec,
  ColorJitterSpec,
  ComposeSpec,
  GaussianBlurSpec,
  ModuleSpec,
  RandAugmentSpec,
  RandomCropSpec,
  RandomGrayscaleSpec,
  RandomHorizontalFlipSpec,
  RandomResizedCropSpec,
  Range,
  ResizeSpec,
  ResizeToCoverSpec,
  SolarizeSpec,
  TransformSpec,
} from "./spec-types.js";
export {
  centerCrop,
  colorJitter,
  compose,
  gaussianBlur,
  moduleTransform,
  type RandAugmentOptions,
  randAugment,
  randomCrop,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  resizeToCover,
  solarize,
} from "./specs.js";
export type { Transform, TransformSettings } from "./transform.js";
export { createTransform } from "./transforms.js";
export { transformSettings, viewSettings } from "./view-settings.js";
export {
  type ContrastiveViewOptions,
  contrastiveView,
  type EvalViewOptions,
  evalView,
  type Jitter,
  type TrainViewOptions,
  trainView,
  type ViewOptions,
  type ViewSpec,
} from "./views.js";
