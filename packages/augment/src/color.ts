/**
 * Colour operations. Each returns a new image of the same sides and channels, or writes into `into` (which may be the
 * image itself) and returns that. On one channel saturation, hue and greyscale change nothing but copy.
 */
import { requireOption } from "@sitjs/core/errors";
import * as bytes from "./color-bytes.js";
import * as floats from "./color-floats.js";
import { bytesOf, floatsOf, type Image } from "./image.js";

/** Scales towards black (factor 0) or away from it; 1 changes nothing. Throws for a negative factor. */
export function adjustBrightness(image: Image, factor: number, into?: Image): Image {
  requireFactor("brightness", factor);
  return recolor(
    image,
    into,
    (from, to) => bytes.brightnessBytes(from, to, factor),
    (from, to) => floats.brightnessFloats(from, to, factor),
  );
}

/** Scales towards the image's mean grey (factor 0) or away from it. Throws for a negative factor. */
export function adjustContrast(image: Image, factor: number, into?: Image): Image {
  requireFactor("contrast", factor);
  return recolor(
    image,
    into,
    (from, to) => bytes.contrastBytes(from, to, image.channels, factor),
    (from, to) => floats.contrastFloats(from, to, image.channels, factor),
  );
}

/** Scales towards each pixel's own grey (factor 0) or away from it. Throws for a negative factor. */
export function adjustSaturation(image: Image, factor: number, into?: Image): Image {
  requireFactor("saturation", factor);
  return recolorRgb(
    image,
    into,
    (from, to) => bytes.saturationBytes(from, to, factor),
    (from, to) => floats.saturationFloats(from, to, factor),
  );
}

/** Turns the hue by `shift` of the colour circle, -0.5 to 0.5; throws outside that. */
export function adjustHue(image: Image, shift: number, into?: Image): Image {
  requireOption(shift >= -0.5 && shift <= 0.5, "hue", "a number from -0.5 to 0.5", shift);
  return recolorRgb(
    image,
    into,
    (from, to) => bytes.hueBytes(from, to, shift),
    (from, to) => floats.hueFloats(from, to, shift),
  );
}

/** ITU-R 601 luma in every channel. */
export function grayscale(image: Image, into?: Image): Image {
  return recolorRgb(image, into, bytes.grayscaleBytes, floats.grayscaleFloats);
}

/** Inverts what is at or above `threshold`, a level 0 to 256 (floats: divided by 255). */
export function solarizeImage(image: Image, threshold = 128, into?: Image): Image {
  requireOption(threshold >= 0 && threshold <= 256, "threshold", "a level from 0 to 256", threshold);
  return recolor(
    image,
    into,
    (from, to) => bytes.solarizeBytes(from, to, threshold),
    (from, to) => floats.solarizeFloats(from, to, threshold),
  );
}

/** The image with the wanted number of channels: luma of three, or one repeated. The same image where it has them. */
export function toChannels(image: Image, channels: 1 | 3): Image {
  if (image.channels === channels) return image;
  const { width, height } = image;
  const source = bytesOf(image) ?? floatsOf(image);
  const length = width * height * channels;
  const data = source instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  if (channels === 3) {
    for (let i = 0; i < source.length; i++) data.fill(source[i] as number, i * 3, i * 3 + 3);
  } else if (source instanceof Uint8Array && data instanceof Uint8Array) {
    bytes.lumaBytes(source, data);
  } else {
    floats.lumaFloats(floatsOf(image), data as Float32Array);
  }
  return { data, width, height, channels };
}

function requireFactor(name: string, factor: number): void {
  requireOption(factor >= 0 && factor < Number.POSITIVE_INFINITY, name, "a factor of at least 0", factor);
}

function recolor(
  image: Image,
  into: Image | undefined,
  onBytes: (from: Uint8Array, to: Uint8Array) => void,
  onFloats: (from: Float32Array, to: Float32Array) => void,
): Image {
  const { width, height, channels } = image;
  const source = bytesOf(image);
  if (source !== undefined) {
    const target = into === undefined ? new Uint8Array(source.length) : bytesOf(into);
    requireOption(target?.length === source.length, "into", "an image like the source", into);
    onBytes(source, target as Uint8Array);
    return into ?? { data: target as Uint8Array, width, height, channels };
  }
  const from = floatsOf(image);
  const target = into === undefined ? new Float32Array(from.length) : floatsOf(into);
  requireOption(target.length === from.length, "into", "an image like the source", into);
  onFloats(from, target);
  return into ?? { data: target, width, height, channels };
}

function recolorRgb(
  image: Image,
  into: Image | undefined,
  onBytes: (from: Uint8Array, to: Uint8Array) => void,
  onFloats: (from: Float32Array, to: Float32Array) => void,
): Image {
  if (image.channels === 3) return recolor(image, into, onBytes, onFloats);
  return recolor(
    image,
    into,
    (from, to) => to.set(from),
    (from, to) => to.set(from),
  );
}
