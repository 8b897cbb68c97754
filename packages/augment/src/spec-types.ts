/** What transforms look like as plain data; the factories that make them are in `specs.ts`. */
import type { Interpolation } from "./coefficients.js";
import type { Size } from "./image.js";

/** A lowest and a highest value, both possible. */
export type Range = readonly [low: number, high: number];

export interface ResizeSpec {
  readonly name: "resize";
  readonly size: Size;
  readonly interpolation: Interpolation;
}
export interface ResizeToCoverSpec {
  readonly name: "resizeToCover";
  readonly size: Size;
  readonly interpolation: Interpolation;
}
export interface CenterCropSpec {
  readonly name: "centerCrop";
  readonly size: Size;
}
export interface RandomCropSpec {
  readonly name: "randomCrop";
  readonly size: Size;
  readonly padding: number;
  readonly fill: number;
}
export interface RandomResizedCropSpec {
  readonly name: "randomResizedCrop";
  readonly size: Size;
  readonly scale: Range;
  readonly ratio: Range;
  readonly interpolation: Interpolation;
}
export interface RandomHorizontalFlipSpec {
  readonly name: "randomHorizontalFlip";
  readonly probability: number;
}
export interface ColorJitterSpec {
  readonly name: "colorJitter";
  readonly brightness: Range;
  readonly contrast: Range;
  readonly saturation: Range;
  readonly hue: Range;
  readonly probability: number;
}
export interface RandomGrayscaleSpec {
  readonly name: "randomGrayscale";
  readonly probability: number;
}
export interface GaussianBlurSpec {
  readonly name: "gaussianBlur";
  readonly probability: number;
  readonly sigma: Range;
}
export interface SolarizeSpec {
  readonly name: "solarize";
  readonly probability: number;
  readonly threshold: number;
}
export interface RandAugmentSpec {
  readonly name: "randAugment";
  readonly operations: number;
  readonly magnitude: number;
  readonly deviation: number;
  readonly probability: number;
  readonly increasing: boolean;
  readonly fill: readonly number[];
  readonly interpolation: Interpolation;
}
export interface ComposeSpec {
  readonly name: "compose";
  readonly transforms: readonly TransformSpec[];
}
export interface ModuleSpec {
  readonly name: "module";
  readonly url: string;
  readonly export: string;
  readonly options: unknown;
}

export type TransformSpec =
  | ResizeSpec
  | ResizeToCoverSpec
  | CenterCropSpec
  | RandomCropSpec
  | RandomResizedCropSpec
  | RandomHorizontalFlipSpec
  | ColorJitterSpec
  | RandomGrayscaleSpec
  | GaussianBlurSpec
  | SolarizeSpec
  | RandAugmentSpec
  | ComposeSpec
  | ModuleSpec;
