/**
 * Pipelines as plain data: a list of views, each a list of transforms and what the result looks like. A list of
 * `ViewSpec` can be posted to a worker, where `createViews` makes it run.
 */
import { requireOption } from "@sitjs/core/errors";
import type { Interpolation } from "./coefficients.js";
import type { ErasingSpec } from "./erasing.js";
import { type Size, sidesOf } from "./image.js";
import { type ChannelStatistics, imageNetStatistics } from "./normalize.js";
import type { Range, TransformSpec } from "./spec-types.js";
import {
  centerCrop,
  colorJitter,
  gaussianBlur,
  type RandAugmentOptions,
  randAugment,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resizeToCover,
  solarize,
} from "./specs.js";

/**
 * One view of an image. `transforms` may also hold `Transform` objects (`ViewSpec<TransformSpec | Transform>`) where the
 * pipeline stays in this thread.
 */
export interface ViewSpec<T = TransformSpec> {
  /** Names the view in batches, and its stream of random numbers; unique in a pipeline. */
  readonly name: string;
  /** What the transforms produce; checked. */
  readonly size: Size;
  readonly transforms: readonly T[];
  /** One number: the result has one channel (colour pictures become luma); three: three (grey ones are repeated). */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Random erasing, after all transforms and normalisation. */
  readonly erasing?: ErasingSpec | undefined;
}

/** What all views share. */
export interface ViewOptions {
  /** Sides of the result, pixels. */
  size: Size;
  /** Mean of each channel, values scaled to 0..1; ImageNet's where neither is given. One channel: one number. */
  mean?: readonly number[];
  /** Standard deviation of each channel; given together with `mean`. */
  deviation?: readonly number[];
  /** "bicubic" unless told. */
  interpolation?: Interpolation;
}

/** Options of one distorted view; defaults are SiT's first view. */
export interface ContrastiveViewOptions extends ViewOptions {
  /** The view's name. */
  name: string;
  /** Share of the area a crop keeps; [0.2, 1]. */
  scale?: Range;
  /** Probability of a mirror image; 0.5. */
  flip?: number;
  /** Amounts and probability of colour jitter; (0.4, 0.4, 0.2, 0.1) with 0.8. */
  jitter?: Jitter;
  /** Probability of losing the colour; 0.2. */
  grayscale?: number;
  /** Probability of Gaussian blur; 1. */
  blur?: number;
  /** Standard deviation of the blur, pixels; [0.1, 2]. */
  sigma?: Range;
  /** Probability of solarising at level 128; 0. */
  solarize?: number;
}

export interface Jitter {
  brightness: number;
  contrast: number;
  saturation: number;
  hue: number;
  probability: number;
}

/** SiT's, DINO's and MoCo v3's. */
export const standardJitter: Jitter = {
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.2,
  hue: 0.1,
  probability: 0.8,
};

/**
 * One distorted view for contrastive learning: crop, flip, colour jitter, grey, blur, solarise, in this order, as
 * SiT, DINO, MoCo v3 and SimCLR make them.
 */
export function contrastiveView(options: ContrastiveViewOptions): ViewSpec {
  const { name, scale = [0.2, 1], flip = 0.5, jitter = standardJitter } = options;
  return {
    ...frame(name, options),
    transforms: [
      randomResizedCrop({ size: options.size, scale, interpolation: options.interpolation ?? "bicubic" }),
      randomHorizontalFlip({ probability: flip }),
      colorJitter(jitter),
      randomGrayscale({ probability: options.grayscale ?? 0.2 }),
      gaussianBlur({ probability: options.blur ?? 1, sigma: options.sigma ?? [0.1, 2] }),
      solarize({ probability: options.solarize ?? 0 }),
    ],
  };
}

export interface TrainViewOptions extends ViewOptions {
  /** "image" unless told. */
  name?: string;
  /** Share of the area a crop keeps; [0.08, 1] (DeiT). MAE: [0.2, 1], SimMIM: [0.67, 1]. */
  scale?: Range;
  /** Probability of a mirror image; 0.5. */
  flip?: number;
  /** RandAugment after the flip, its fill the mean colour unless told; `{}` for DeiT's; none where it is left out. */
  randAugment?: RandAugmentOptions | undefined;
  /** Random erasing at the end, `randomErasing()` for DeiT's; none where it is left out. */
  erasing?: ErasingSpec | undefined;
}

/** One view of a random resized crop and flip, with more where it is asked: fine-tuning (DeiT), and pretraining by masking alone (MAE, SimMIM). */
export function trainView(options: TrainViewOptions): [ViewSpec] {
  const { name = "image", scale = [0.08, 1], flip = 0.5, size, interpolation = "bicubic" } = options;
  const { randAugment: random, erasing } = options;
  const view = frame(name, options);
  const fill = view.mean.map((share) => Math.round(255 * share));
  return [
    {
      ...view,
      transforms: [
        randomResizedCrop({ size, scale, interpolation }),
        randomHorizontalFlip({ probability: flip }),
        ...(random === undefined ? [] : [randAugment({ fill, interpolation, ...random })]),
      ],
      ...(erasing && { erasing }),
    },
  ];
}

export interface EvalViewOptions extends ViewOptions {
  /** "image" unless told. */
  name?: string;
  /** `size` over the side the image is resized to; 224 / 256, or 1 (nothing cut but to the aspect) up to 64 pixels. */
  cropRatio?: number;
}

/** One view without randomness: resize with the aspect kept, then the middle (DeiT's and torchvision's evaluation). */
export function evalView(options: EvalViewOptions): [ViewSpec] {
  const { name = "image", size, interpolation = "bicubic" } = options;
  const { height, width } = sidesOf(size, "evalView.size");
  const { cropRatio = Math.max(height, width) <= 64 ? 1 : 224 / 256 } = options;
  requireOption(
    cropRatio > 0 && cropRatio <= 1,
    "evalView.cropRatio",
    "a number above 0, at most 1",
    cropRatio,
  );
  const covered = { height: Math.round(height / cropRatio), width: Math.round(width / cropRatio) };
  return [
    {
      ...frame(name, options),
      transforms: [resizeToCover({ size: covered, interpolation }), centerCrop({ size })],
    },
  ];
}

/** The parts of a view that are not transforms. */
function frame(name: string, options: ViewOptions): Omit<ViewSpec, "transforms"> {
  const { size, mean, deviation } = options;
  const together = (mean === undefined) === (deviation === undefined);
  requireOption(
    together,
    mean === undefined ? "mean" : "deviation",
    "both mean and deviation, or neither",
    undefined,
  );
  const statistics: ChannelStatistics =
    mean === undefined || deviation === undefined ? imageNetStatistics : { mean, deviation };
  return { name, size, mean: [...statistics.mean], deviation: [...statistics.deviation] };
}
