/** Operations that give each level another one, whatever is around it, with Pillow's arithmetic; bytes only. */
import { requireOption } from "@sitjs/core/errors";
import { requireBytes } from "./affine.js";
import type { Image } from "./image.js";

/** The negative. */
export function invertImage(image: Image): Image {
  return mapped(
    image,
    levels((level) => 255 - level),
  );
}

/** Keeps the highest `bits` (0 to 8) of each level: the others become 0 (`ImageOps.posterize`). */
export function posterizeImage(image: Image, bits: number): Image {
  const whole = Number.isInteger(bits) && bits >= 0 && bits <= 8;
  requireOption(whole, "bits", "a whole number from 0 to 8", bits);
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  return mapped(
    image,
    levels((level) => level & mask),
  );
}

/** Adds `amount` (0 to 255) to the levels below `threshold` (128), up to 255. */
export function solarizeAdd(image: Image, amount: number, threshold = 128): Image {
  requireOption(amount >= 0 && amount <= 255, "amount", "a number of levels from 0 to 255", amount);
  return mapped(
    image,
    levels((level) => (level < threshold ? Math.min(255, level + amount) : level)),
  );
}

/** Stretches each channel so that it goes from 0 to 255; one of a single level stays (`ImageOps.autocontrast`). */
export function autoContrast(image: Image): Image {
  return byHistogram(image, (counts) => {
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    if (high <= low) return undefined;
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return levels((level) => Math.min(255, Math.max(0, Math.trunc(level * scale + offset))));
  });
}

/**
 * Gives each channel levels that are about equally frequent (`ImageOps.equalize`); one with fewer than 255 pixels beside
 * those of its highest level stays.
 */
export function equalizeImage(image: Image): Image {
  return byHistogram(image, (counts) => {
    const used = counts.filter((count) => count > 0);
    const pixels = used.reduce((sum, count) => sum + count, 0);
    const step = Math.floor((pixels - (used.at(-1) as number)) / 255);
    if (used.length <= 1 || step === 0) return undefined;
    let below = Math.floor(step / 2);
    return levels((level) => {
      // Where pixels are few, more of them lie below a level than there are levels.
      const next = Math.min(255, Math.floor(below / step));
      below += counts[level] as number;
      return next;
    });
  });
}

/** A table of 256 levels, asked for in order. */
function levels(of: (level: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, level) => of(level));
}

/** The image with each level replaced by the table's. */
function mapped(image: Image, table: Uint8Array): Image {
  const { width, height, channels } = image;
  const source = requireBytes(image);
  const data = new Uint8Array(source.length);
  for (let i = 0; i < data.length; i++) data[i] = table[source[i] as number] as number;
  return { data, width, height, channels };
}

/** Maps each channel by a table made from how often it has each level; `undefined` leaves it. */
function byHistogram(image: Image, tableOf: (counts: Uint32Array) => Uint8Array | undefined): Image {
  const { width, height, channels } = image;
  const source = requireBytes(image);
  const data = source.slice();
  for (let channel = 0; channel < channels; channel++) {
    const counts = new Uint32Array(256);
    for (let i = channel; i < source.length; i += channels) {
      const level = source[i] as number;
      counts[level] = (counts[level] as number) + 1;
    }
    const table = tableOf(counts);
    if (table === undefined) continue;
    for (let i = channel; i < source.length; i += channels) data[i] = table[source[i] as number] as number;
  }
  return { data, width, height, channels };
}
