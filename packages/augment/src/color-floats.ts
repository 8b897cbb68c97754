/**
 * Colour operations on floats 0 to 1 as torchvision's tensor path computes them, from `source` into `target`; the
 * two may be the same array.
 */

function mix(base: number, value: number, factor: number): number {
  return Math.min(Math.max(factor * value + (1 - factor) * base, 0), 1);
}

function luma(source: Float32Array, at: number): number {
  return (
    0.2989 * (source[at] as number) + 0.587 * (source[at + 1] as number) + 0.114 * (source[at + 2] as number)
  );
}

export function brightnessFloats(source: Float32Array, target: Float32Array, factor: number): void {
  for (let i = 0; i < source.length; i++) target[i] = mix(0, source[i] as number, factor);
}

export function contrastFloats(
  source: Float32Array,
  target: Float32Array,
  channels: number,
  factor: number,
): void {
  let sum = 0;
  if (channels === 1) for (let i = 0; i < source.length; i++) sum += source[i] as number;
  else for (let i = 0; i < source.length; i += 3) sum += luma(source, i);
  const mean = sum / (source.length / channels);
  for (let i = 0; i < source.length; i++) target[i] = mix(mean, source[i] as number, factor);
}

export function saturationFloats(source: Float32Array, target: Float32Array, factor: number): void {
  for (let i = 0; i < source.length; i += 3) {
    const grey = luma(source, i);
    for (let j = i; j < i + 3; j++) target[j] = mix(grey, source[j] as number, factor);
  }
}

export function grayscaleFloats(source: Float32Array, target: Float32Array): void {
  for (let i = 0; i < source.length; i += 3) target.fill(luma(source, i), i, i + 3);
}

export function lumaFloats(source: Float32Array, target: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = luma(source, i * 3);
}

export function solarizeFloats(source: Float32Array, target: Float32Array, threshold: number): void {
  const limit = Math.fround(threshold / 255);
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as number;
    target[i] = value < limit ? value : 1 - value;
  }
}

/** Turns the hue by `shift` (a fraction of the circle) in HSV, without rounding. */
export function hueFloats(source: Float32Array, target: Float32Array, shift: number): void {
  for (let i = 0; i < source.length; i += 3) {
    const red = source[i] as number;
    const green = source[i + 1] as number;
    const blue = source[i + 2] as number;
    const high = Math.max(red, green, blue);
    const chroma = high - Math.min(red, green, blue);
    if (chroma === 0) {
      target.fill(high, i, i + 3);
      continue;
    }
    const sixths =
      high === red
        ? (green - blue) / chroma
        : high === green
          ? 2 + (blue - red) / chroma
          : 4 + (red - green) / chroma;
    const turned = sixths + shift * 6;
    // Each channel is high less the chroma times a trapezoid over the circle, shifted by a third of it.
    target[i] = high - chroma * trapezoid(turned + 5);
    target[i + 1] = high - chroma * trapezoid(turned + 3);
    target[i + 2] = high - chroma * trapezoid(turned + 1);
  }
}

function trapezoid(sixths: number): number {
  const k = ((sixths % 6) + 6) % 6;
  return Math.max(0, Math.min(k, 4 - k, 1));
}
