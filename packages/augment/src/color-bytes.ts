/**
 * Colour operations on bytes with Pillow's arithmetic, from `source` into `target`; the two may be the same array.
 * Blends are computed in 32-bit floats and truncated, as `ImageEnhance` does.
 */
import { inPieces, kernels, overPieces } from "./kernels.js";

export function brightnessBytes(source: Uint8Array, target: Uint8Array, factor: number): void {
  blendWithConstant(source, target, 0, factor);
}

/** Blends with one grey, the rounded mean of the luma. */
export function contrastBytes(
  source: Uint8Array,
  target: Uint8Array,
  channels: number,
  factor: number,
): void {
  let sum = 0;
  if (channels === 1) for (let i = 0; i < source.length; i++) sum += source[i] as number;
  else {
    const { sumOfLuma } = kernels();
    overPieces(source, (from, length) => {
      sum += sumOfLuma(from, length / 3);
    });
  }
  blendWithConstant(source, target, Math.trunc(sum / (source.length / channels) + 0.5), factor);
}

function blendWithConstant(source: Uint8Array, target: Uint8Array, level: number, factor: number): void {
  const { blendWithConstant: blend } = kernels();
  inPieces(source, target, (from, length, to) => blend(from, length, level, factor, to));
}

/** Three channels: blends every pixel with its own luma. */
export function saturationBytes(source: Uint8Array, target: Uint8Array, factor: number): void {
  const { blendWithLuma } = kernels();
  inPieces(source, target, (from, length, to) => blendWithLuma(from, length / 3, factor, to));
}

/** Three channels: the luma in all of them. */
export function grayscaleBytes(source: Uint8Array, target: Uint8Array): void {
  const { lumaToRgb } = kernels();
  inPieces(source, target, (from, length, to) => lumaToRgb(from, length / 3, to));
}

/** Three channels to one: the luma. */
export function lumaBytes(source: Uint8Array, target: Uint8Array): void {
  const { luma } = kernels();
  inPieces(source, target, (from, length, to) => luma(from, length / 3, to));
}

export function solarizeBytes(source: Uint8Array, target: Uint8Array, threshold: number): void {
  const { solarize } = kernels();
  inPieces(source, target, (from, length, to) => solarize(from, length, Math.ceil(threshold), to));
}

/**
 * Three channels: turns the hue by `shift` (a fraction of the circle, -0.5 to 0.5) in Pillow's 8-bit HSV. Hue and
 * saturation are truncated to bytes on the way, so some levels change even with shift 0, as they do in Pillow.
 */
export function hueBytes(source: Uint8Array, target: Uint8Array, shift: number): void {
  const { turnHue } = kernels();
  const turn = Math.trunc(shift * 255);
  inPieces(source, target, (from, length, to) => turnHue(from, length / 3, turn, to));
}
