/** Pillow's colour operations on bytes; source and target may be the same. Blends are 32-bit floats, truncated. */
import { blues, greens, joined, loadPixels, lumas, reds, storePixels } from "./pixels";

/** base + factor * (value - base), not yet clipped to a byte; four numbers of 32 bits. */
function blend(base: v128, value: v128, factor: v128): v128 {
  const change = f32x4.mul(factor, f32x4.sub(f32x4.convert_i32x4_s(value), base));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(base, change));
}

/** Blends `length` bytes with one level. */
export function blendWithConstant(from: usize, length: i32, level: f32, factor: f32, to: usize): void {
  const base = f32x4.splat(level);
  const factors = f32x4.splat(factor);
  for (let i = 0; i < length; i += 16) {
    const bytes = v128.load(from + i);
    const left = i16x8.extend_low_i8x16_u(bytes);
    const right = i16x8.extend_high_i8x16_u(bytes);
    const newLeft = i16x8.narrow_i32x4_s(
      blend(base, i32x4.extend_low_i16x8_u(left), factors),
      blend(base, i32x4.extend_high_i16x8_u(left), factors),
    );
    const newRight = i16x8.narrow_i32x4_s(
      blend(base, i32x4.extend_low_i16x8_u(right), factors),
      blend(base, i32x4.extend_high_i16x8_u(right), factors),
    );
    v128.store(to + i, i8x16.narrow_i16x8_u(newLeft, newRight));
  }
}

/** Inverts the bytes that are `threshold` (0 to 256) or more. */
export function solarize(from: usize, length: i32, threshold: i32, to: usize): void {
  const inverted = i8x16.splat(-1);
  for (let i = 0; i < length; i += 16) {
    const bytes = v128.load(from + i);
    const below = threshold > 255 ? inverted : i8x16.lt_u(bytes, i8x16.splat(<i8>threshold));
    v128.store(to + i, v128.bitselect(bytes, v128.xor(bytes, inverted), below));
  }
}

/** Blends each of `count` pixels with its own luma. */
export function blendWithLuma(from: usize, count: i32, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor);
  for (let i = 0; i < count; i += 4) {
    const pixels = loadPixels(from);
    const base = f32x4.convert_i32x4_s(lumas(pixels));
    const red = clipped(blend(base, reds(pixels), factors));
    const green = clipped(blend(base, greens(pixels), factors));
    const blue = clipped(blend(base, blues(pixels), factors));
    storePixels(to, joined(red, green, blue));
    from += 12;
    to += 12;
  }
}

function clipped(levels: v128): v128 {
  return i32x4.max_s(i32x4.min_s(levels, i32x4.splat(255)), i32x4.splat(0));
}

/** The luma of each of `count` pixels, in one channel. */
export function luma(from: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i += 4) {
    const levels = lumas(loadPixels(from));
    const bytes = i8x16.shuffle(levels, levels, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    v128.store32_lane(to, bytes, 0);
    from += 12;
    to += 4;
  }
}

/** The luma of each of `count` pixels, in all three channels. */
export function lumaToRgb(from: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i += 4) {
    const levels = lumas(loadPixels(from));
    storePixels(to, joined(levels, levels, levels));
    from += 12;
    to += 12;
  }
}

/** The sum of the luma of `count` pixels. */
export function sumOfLuma(from: usize, count: i32): f64 {
  let total: i64 = 0;
  let i = 0;
  while (i < count - 3) {
    // As many as 32 bits hold for sure.
    const stop = min(count - 3, i + (1 << 24));
    let sums = i32x4.splat(0);
    for (; i < stop; i += 4) {
      sums = i32x4.add(sums, lumas(loadPixels(from)));
      from += 12;
    }
    total += <i64>i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
    total += <i64>i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  }
  for (; i < count; i++) {
    total += i32x4.extract_lane(lumas(loadPixels(from)), 0);
    from += 3;
  }
  return <f64>total;
}
