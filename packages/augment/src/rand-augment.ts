import type { RandomStream } from "@sitjs/core/random";
import { rotateImage, shearX, shearY, translateImage } from "./affine.js";
import { adjustBrightness, adjustContrast, adjustSaturation, solarizeImage } from "./color.js";
import { bytesOf, floatsOf, type Image } from "./image.js";
import { autoContrast, equalizeImage, invertImage, posterizeImage, solarizeAdd } from "./levels.js";
import { adjustSharpness } from "./sharpness.js";
import type { RandAugmentSpec } from "./spec-types.js";

/** The scale of magnitudes goes from 0 to this. */
const TOP = 10;

/** How far a picture is moved at the top of the scale, as a share of its side. */
const FARTHEST = 0.45;

type Operation = (image: Image, strength: number, spec: RandAugmentSpec, rng: RandomStream) => Image;

/** `value` or its opposite. */
const eitherWay = (value: number, rng: RandomStream) => (rng.chance(0.5) ? -value : value);

/** The factor of a blend: away from 1 both ways, or from a little up to nearly 2. */
const factor = (strength: number, { increasing }: RandAugmentSpec, rng: RandomStream) =>
  increasing ? Math.max(0.1, 1 + eitherWay(0.9 * strength, rng)) : 0.1 + 1.8 * strength;

/** timm's operations, each by a strength from 0 to 1, the top of the scale. */
const operations: readonly Operation[] = [
  (image) => autoContrast(image),
  (image) => equalizeImage(image),
  (image) => invertImage(image),
  (image, strength, spec, rng) => rotateImage(image, eitherWay(30 * strength, rng), spec),
  (image, strength, { increasing }) => {
    const bits = Math.trunc(4 * strength);
    return posterizeImage(image, increasing ? 4 - bits : bits);
  },
  (image, strength, { increasing }) => {
    const threshold = Math.trunc(256 * strength);
    return solarizeImage(image, increasing ? 256 - threshold : threshold);
  },
  (image, strength) => solarizeAdd(image, Math.trunc(110 * strength)),
  (image, strength, spec, rng) => adjustSaturation(image, factor(strength, spec, rng)),
  (image, strength, spec, rng) => adjustContrast(image, factor(strength, spec, rng)),
  (image, strength, spec, rng) => adjustBrightness(image, factor(strength, spec, rng)),
  (image, strength, spec, rng) => adjustSharpness(image, factor(strength, spec, rng)),
  (image, strength, spec, rng) => shearX(image, eitherWay(0.3 * strength, rng), spec),
  (image, strength, spec, rng) => shearY(image, eitherWay(0.3 * strength, rng), spec),
  (image, strength, spec, rng) =>
    translateImage(image, eitherWay(FARTHEST * strength, rng) * image.width, 0, spec),
  (image, strength, spec, rng) =>
    translateImage(image, 0, eitherWay(FARTHEST * strength, rng) * image.height, spec),
];

/**
 * Draws the operations, any of them more than once, and does each with the spec's probability, at a magnitude drawn
 * around the spec's. Floats are rounded to bytes first.
 */
export function randAugmented(image: Image, spec: RandAugmentSpec, rng: RandomStream): Image {
  let result = asBytes(image);
  for (let i = 0; i < spec.operations; i++) {
    const own = rng.fork(i);
    const operation = operations[own.integer(0, operations.length)] as Operation;
    if (!own.chance(spec.probability)) continue;
    const magnitude = spec.magnitude + spec.deviation * own.normal();
    result = operation(result, Math.min(TOP, Math.max(0, magnitude)) / TOP, spec, own);
  }
  return result;
}

function asBytes(image: Image): Image {
  if (bytesOf(image) !== undefined) return image;
  const levels = (value: number) => Math.round(255 * Math.min(1, Math.max(0, value)));
  return { ...image, data: Uint8Array.from(floatsOf(image), levels) };
}
