/**
 * Transforms as plain data, so that a pipeline can be posted to a worker or written to a file. Each factory fills in
 * the defaults and checks its options; `createTransform` turns the data into something that runs. All factories throw
 * `SitError("bad-option")` naming the option.
 */
import { checkTransform } from "./check-transform.js";
import type { Interpolation } from "./coefficients.js";
import type { Size } from "./image.js";
import type {
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

/** Resizes to exactly `size`, whatever the aspect; `interpolation` "bicubic" unless told. */
export function resize(options: { size: Size; interpolation?: Interpolation }): ResizeSpec {
  return checked({ interpolation: "bicubic", ...options, name: "resize" });
}

/** Resizes with the aspect kept so that the image just covers `size` (one number: the shorter side). */
export function resizeToCover(options: { size: Size; interpolation?: Interpolation }): ResizeToCoverSpec {
  return checked({ interpolation: "bicubic", ...options, name: "resizeToCover" });
}

/** Cuts out the middle; an image smaller than `size` gets a black border. */
export function centerCrop(options: { size: Size }): CenterCropSpec {
  return checked({ ...options, name: "centerCrop" });
}

/** Adds `padding` (0) pixels of level `fill` (0) on each side, then cuts out `size` anywhere. */
export function randomCrop(options: { size: Size; padding?: number; fill?: number }): RandomCropSpec {
  return checked({ padding: 0, fill: 0, ...options, name: "randomCrop" });
}

/**
 * Cuts out a random rectangle and resizes it to `size`: its share of the image's area is uniform in `scale`
 * ([0.2, 1]), its width over height log-uniform in `ratio` ([3/4, 4/3]); after ten draws that do not fit, the largest
 * centred rectangle within `ratio` (Szegedy et al. 2015; torchvision's `RandomResizedCrop`).
 */
export function randomResizedCrop(options: {
  size: Size;
  scale?: Range;
  ratio?: Range;
  interpolation?: Interpolation;
}): RandomResizedCropSpec {
  const defaults = { scale: [0.2, 1], ratio: [3 / 4, 4 / 3], interpolation: "bicubic" } as const;
  return checked({ ...defaults, ...options, name: "randomResizedCrop" });
}

/** Mirrors left and right with `probability` (0.5). */
export function randomHorizontalFlip(options: { probability?: number } = {}): RandomHorizontalFlipSpec {
  return checked({ probability: 0.5, ...options, name: "randomHorizontalFlip" });
}

/**
 * With `probability` (1), changes brightness, contrast, saturation and hue in random order. An amount `a` means a factor
 * uniform in [max(0, 1 - a), 1 + a], for hue a shift in [-a, a] of the circle (at most 0.5); a range is taken as it
 * is. Default 0: left alone (torchvision's `ColorJitter`).
 */
export function colorJitter(options: {
  brightness?: number | Range;
  contrast?: number | Range;
  saturation?: number | Range;
  hue?: number | Range;
  probability?: number;
}): ColorJitterSpec {
  const factors = (amount: number | Range = 0): Range =>
    typeof amount === "number" ? [Math.max(0, 1 - amount), 1 + amount] : amount;
  const { hue = 0, probability = 1 } = options;
  return checked({
    name: "colorJitter",
    brightness: factors(options.brightness),
    contrast: factors(options.contrast),
    saturation: factors(options.saturation),
    hue: typeof hue === "number" ? [-hue, hue] : hue,
    probability,
  });
}

/** Removes the colour, keeping three channels, with `probability` (0.2). */
export function randomGrayscale(options: { probability?: number } = {}): RandomGrayscaleSpec {
  return checked({ probability: 0.2, ...options, name: "randomGrayscale" });
}

/** With `probability` (0.5), blurs with a standard deviation uniform in `sigma` ([0.1, 2] pixels; Chen et al. 2020). */
export function gaussianBlur(options: { probability?: number; sigma?: Range } = {}): GaussianBlurSpec {
  return checked({ probability: 0.5, sigma: [0.1, 2], ...options, name: "gaussianBlur" });
}

/** With `probability` (0.2), inverts the levels from `threshold` (128) on (Grill et al. 2020, BYOL). */
export function solarize(options: { probability?: number; threshold?: number } = {}): SolarizeSpec {
  return checked({ probability: 0.2, threshold: 128, ...options, name: "solarize" });
}

/** Options of `randAugment`. */
export interface RandAugmentOptions {
  operations?: number;
  magnitude?: number;
  deviation?: number;
  probability?: number;
  increasing?: boolean;
  fill?: readonly number[];
  interpolation?: Interpolation;
}

/**
 * RandAugment (Cubuk et al. 2020) as timm and DeiT have it, "rand-m9-mstd0.5-inc1": `operations` (2) of fifteen are drawn,
 * any more than once, and each is done with `probability` (0.5) at a magnitude of 0 to 10, drawn from a normal
 * distribution around `magnitude` (9) with `deviation` (0.5). They are: auto-contrast, equalise, invert, rotate,
 * posterise, solarise, solarise by adding, colour, contrast, brightness, sharpness, shear and shift both ways.
 *
 * `increasing` (true): a greater magnitude is always a stronger change; false: posterise, solarise and the four blends
 * as in AutoAugment, where a greater one may be a weaker. `fill` ([128]): levels of what comes from outside, one for all
 * channels or one each; DeiT takes the mean colour. `interpolation` of what moves pixels: "bicubic" unless told.
 */
export function randAugment(options: RandAugmentOptions = {}): RandAugmentSpec {
  const defaults = { operations: 2, magnitude: 9, deviation: 0.5, probability: 0.5, increasing: true };
  return checked({
    ...{ ...defaults, fill: [128], interpolation: "bicubic" },
    ...options,
    name: "randAugment",
  });
}

/** Several transforms as one. */
export function compose(transforms: readonly TransformSpec[]): ComposeSpec {
  return checked({ name: "compose", transforms });
}

/**
 * A transform of your own that workers can load: the module at the absolute `url` (`new URL("./mine.js",
 * import.meta.url).href`) exports, as `export` ("default"), a function from `options` to a `Transform`. `options`
 * must be plain data.
 */
export function moduleTransform(options: { url: string; export?: string; options?: unknown }): ModuleSpec {
  return checked({ export: "default", options: undefined, ...options, name: "module" });
}

function checked<S extends TransformSpec>(spec: S): S {
  checkTransform(spec);
  return spec;
}
