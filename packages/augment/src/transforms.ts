import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import { blurImage } from "./blur.js";
import { checkTransform } from "./check-transform.js";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  grayscale,
  solarizeImage,
} from "./color.js";
import { centerCropImage, crop, horizontalFlip, pad, resizeToCoverImage, roundHalfEven } from "./geometry.js";
import { type Box, type Image, sidesOf } from "./image.js";
import { randAugmented } from "./rand-augment.js";
import { resizeCrop, resizeImage } from "./resize.js";
import type {
  ColorJitterSpec,
  ModuleSpec,
  RandomCropSpec,
  RandomResizedCropSpec,
  TransformSpec,
} from "./spec-types.js";
import type { Transform } from "./transform.js";
import { transformSettings } from "./view-settings.js";

/**
 * Makes a transform that runs from its plain description; a `Transform` is returned as it is. Asynchronous because
 * `moduleTransform` imports. Throws `SitError`: "bad-option" names a bad option, "missing-file" a module that cannot
 * be loaded, "bad-file" one without the export or whose export makes no transform.
 */
export async function createTransform(spec: TransformSpec | Transform): Promise<Transform> {
  requireOption(
    typeof spec === "object" && spec !== null,
    "transform",
    "a transform or its description",
    spec,
  );
  if ("apply" in spec && typeof spec.apply === "function") return spec;
  const plain = spec as TransformSpec;
  checkTransform(plain);
  if (plain.name === "module") return loadModule(plain);
  const settings = transformSettings(plain);
  if (plain.name === "compose") {
    return {
      name: "compose",
      settings,
      apply: sequence(await Promise.all(plain.transforms.map(createTransform))),
    };
  }
  return { name: plain.name, settings, apply: builtin(plain) };
}

type Apply = Transform["apply"];

function builtin(spec: Exclude<TransformSpec, { name: "module" | "compose" }>): Apply {
  switch (spec.name) {
    case "resize":
      return (image) => resizeImage(image, spec.size, spec.interpolation);
    case "resizeToCover":
      return (image) => resizeToCoverImage(image, spec.size, spec.interpolation);
    case "centerCrop":
      return (image) => centerCropImage(image, spec.size);
    case "randomCrop":
      return (image, rng) => cropAnywhere(image, spec, rng);
    case "randomResizedCrop":
      return (image, rng) =>
        resizeCrop(image, drawResizedCrop(image, spec, rng), spec.size, spec.interpolation);
    case "randomHorizontalFlip":
      return (image, rng) => (rng.chance(spec.probability) ? horizontalFlip(image) : image);
    case "colorJitter":
      return (image, rng) => (rng.chance(spec.probability) ? jitter(image, spec, rng) : image);
    case "randomGrayscale":
      return (image, rng) =>
        rng.chance(spec.probability) && image.channels === 3 ? grayscale(image) : image;
    case "gaussianBlur":
      return (image, rng) =>
        rng.chance(spec.probability) ? blurImage(image, rng.between(spec.sigma[0], spec.sigma[1])) : image;
    case "solarize":
      return (image, rng) => (rng.chance(spec.probability) ? solarizeImage(image, spec.threshold) : image);
    case "randAugment":
      return (image, rng) => randAugmented(image, spec, rng);
  }
}

/** Runs the transforms in order, each with its own stream. */
export function sequence(transforms: readonly Transform[]): Apply {
  const keys = streamKeys(transforms);
  return (image, rng) => {
    let result = image;
    for (let i = 0; i < transforms.length; i++) {
      result = (transforms[i] as Transform).apply(result, rng.fork(keys[i] as number));
    }
    return result;
  };
}

/**
 * Names the transforms' streams: by name, and which one of that name it is. So adding, removing or moving one transform
 * leaves the draws of the others as they were. The name is hashed here, once, as forking by text costs more
 * than transforming a small image.
 */
export function streamKeys(transforms: readonly { readonly name: string }[]): number[] {
  const seen = new Map<string, number>();
  return transforms.map(({ name }) => {
    const occurrence = seen.get(name) ?? 0;
    seen.set(name, occurrence + 1);
    return nameHash(name) * 65536 + occurrence;
  });
}

/** 32-bit FNV-1a of the name. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const CROP_TRIES = 10;

/** The rectangle of `randomResizedCrop` (torchvision's `get_params`). */
export function drawResizedCrop(
  image: { readonly width: number; readonly height: number },
  { scale, ratio }: Pick<RandomResizedCropSpec, "scale" | "ratio">,
  rng: RandomStream,
): Box {
  const { width: fullWidth, height: fullHeight } = image;
  const area = fullWidth * fullHeight;
  for (let i = 0; i < CROP_TRIES; i++) {
    const target = area * rng.between(scale[0], scale[1]);
    const aspect = Math.exp(rng.between(Math.log(ratio[0]), Math.log(ratio[1])));
    const width = roundHalfEven(Math.sqrt(target * aspect));
    const height = roundHalfEven(Math.sqrt(target / aspect));
    if (width > 0 && width <= fullWidth && height > 0 && height <= fullHeight) {
      const top = rng.integer(0, fullHeight - height + 1);
      const left = rng.integer(0, fullWidth - width + 1);
      return { top, left, height, width };
    }
  }
  const aspect = fullWidth / fullHeight;
  const width = aspect > ratio[1] ? Math.max(1, roundHalfEven(fullHeight * ratio[1])) : fullWidth;
  const height = aspect < ratio[0] ? Math.max(1, roundHalfEven(fullWidth / ratio[0])) : fullHeight;
  return {
    top: Math.floor((fullHeight - height) / 2),
    left: Math.floor((fullWidth - width) / 2),
    height,
    width,
  };
}

function cropAnywhere(image: Image, spec: RandomCropSpec, rng: RandomStream): Image {
  const { height, width } = sidesOf(spec.size);
  const padded = spec.padding === 0 ? image : pad(image, spec.padding, spec.fill);
  if (padded.height < height || padded.width < width) {
    throw new SitError(
      "bad-shape",
      `randomCrop: expected an image of at least ${width} x ${height} after padding, got ${padded.width} x ${padded.height}`,
    );
  }
  const top = rng.integer(0, padded.height - height + 1);
  const left = rng.integer(0, padded.width - width + 1);
  return crop(padded, { top, left, height, width });
}

function jitter(image: Image, spec: ColorJitterSpec, rng: RandomStream): Image {
  const order = rng.permutation(4);
  const brightness = rng.between(spec.brightness[0], spec.brightness[1]);
  const contrast = rng.between(spec.contrast[0], spec.contrast[1]);
  const saturation = rng.between(spec.saturation[0], spec.saturation[1]);
  const hue = rng.between(spec.hue[0], spec.hue[1]);
  const into: Image = { ...image, data: image.data.slice() };
  for (const operation of order) {
    if (operation === 0 && isActive(spec.brightness, 1)) adjustBrightness(into, brightness, into);
    else if (operation === 1 && isActive(spec.contrast, 1)) adjustContrast(into, contrast, into);
    else if (image.channels === 1) continue;
    else if (operation === 2 && isActive(spec.saturation, 1)) adjustSaturation(into, saturation, into);
    else if (operation === 3 && isActive(spec.hue, 0)) adjustHue(into, hue, into);
  }
  return into;
}

/** Whether a range holds anything but the value that changes nothing. */
function isActive(range: readonly [number, number], neutral: number): boolean {
  return range[0] !== neutral || range[1] !== neutral;
}

async function loadModule(spec: ModuleSpec): Promise<Transform> {
  let loaded: Record<string, unknown>;
  try {
    loaded = await import(/* @vite-ignore */ /* webpackIgnore: true */ spec.url);
  } catch (cause) {
    throw new SitError("missing-file", `module.url: expected a module that loads, got ${spec.url}`, {
      cause,
    });
  }
  const factory = loaded[spec.export];
  if (typeof factory !== "function") {
    throw new SitError(
      "bad-file",
      `${spec.url}: expected a function exported as "${spec.export}", got ${typeof factory}`,
    );
  }
  const made: unknown = factory(spec.options);
  requireTransform(made, `${spec.url}: ${spec.export}(options)`);
  return made;
}

function requireTransform(value: unknown, option: string): asserts value is Transform {
  const candidate = value as Partial<Transform> | undefined | null;
  const ok = typeof candidate?.name === "string" && typeof candidate.apply === "function";
  requireOption(ok, option, "{ name, apply(image, rng) }", value);
}
