import { requireOption } from "@sitjs/core/errors";
import { requireBytes } from "./affine.js";
import type { Image } from "./image.js";

/**
 * Blends with a smoothed image: 0 is smooth, 1 changes nothing, more sharpens (`ImageEnhance.Sharpness`). Smoothing
 * weighs a pixel by 5 and its eight neighbours by 1 each; border pixels stay. Bytes only.
 *
 * @throws SitError "bad-option" for a negative factor
 */
export function adjustSharpness(image: Image, factor: number): Image {
  requireOption(
    factor >= 0 && factor < Number.POSITIVE_INFINITY,
    "sharpness",
    "a factor of at least 0",
    factor,
  );
  const { width, height, channels } = image;
  const source = requireBytes(image);
  const data = source.slice();
  const amount = Math.fround(factor);
  const row = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      const own = source[i] as number;
      const above = i - row;
      const below = i + row;
      const sum =
        4 * own +
        (source[above - channels] as number) +
        (source[above] as number) +
        (source[above + channels] as number) +
        (source[i - channels] as number) +
        own +
        (source[i + channels] as number) +
        (source[below - channels] as number) +
        (source[below] as number) +
        (source[below + channels] as number);
      // Rounded: a thirteenth is never half way between two levels.
      const smooth = Math.floor((2 * sum + 13) / 26);
      // In 32-bit floats and truncated, as all of Pillow's blends.
      const value = Math.fround(smooth + Math.fround(amount * (own - smooth)));
      data[i] = value <= 0 ? 0 : value >= 255 ? 255 : value;
    }
  }
  return { data, width, height, channels };
}
