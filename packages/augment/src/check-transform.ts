import { requireOption } from "@sitjs/core/errors";
import type { Interpolation } from "./coefficients.js";
import { sidesOf } from "./image.js";
import type { RandAugmentSpec, Range, TransformSpec } from "./spec-types.js";

/** Throws `SitError("bad-option")` naming the first option of `spec` that is out of range or missing. */
export function checkTransform(spec: TransformSpec): void {
  switch (spec.name) {
    case "resize":
    case "resizeToCover":
      sidesOf(spec.size, `${spec.name}.size`);
      checkInterpolation(spec.name, spec.interpolation);
      return;
    case "centerCrop":
      sidesOf(spec.size, "centerCrop.size");
      return;
    case "randomCrop":
      sidesOf(spec.size, "randomCrop.size");
      requireOption(
        Number.isSafeInteger(spec.padding) && spec.padding >= 0,
        "randomCrop.padding",
        "a whole number of pixels, at least 0",
        spec.padding,
      );
      requireOption(
        spec.fill >= 0 && spec.fill <= 255,
        "randomCrop.fill",
        "a level from 0 to 255",
        spec.fill,
      );
      return;
    case "randomResizedCrop":
      sidesOf(spec.size, "randomResizedCrop.size");
      checkRange("randomResizedCrop.scale", spec.scale, 0, 1);
      requireOption(spec.scale[1] > 0, "randomResizedCrop.scale", "a share above 0", spec.scale);
      checkRange("randomResizedCrop.ratio", spec.ratio, Number.MIN_VALUE, Number.MAX_VALUE);
      checkInterpolation(spec.name, spec.interpolation);
      return;
    case "colorJitter":
      checkRange("colorJitter.brightness", spec.brightness, 0, Number.MAX_VALUE);
      checkRange("colorJitter.contrast", spec.contrast, 0, Number.MAX_VALUE);
      checkRange("colorJitter.saturation", spec.saturation, 0, Number.MAX_VALUE);
      checkRange("colorJitter.hue", spec.hue, -0.5, 0.5);
      checkProbability(spec);
      return;
    case "randomHorizontalFlip":
    case "randomGrayscale":
      checkProbability(spec);
      return;
    case "gaussianBlur":
      checkRange("gaussianBlur.sigma", spec.sigma, 0, 1000);
      checkProbability(spec);
      return;
    case "solarize":
      requireOption(
        spec.threshold >= 0 && spec.threshold <= 256,
        "solarize.threshold",
        "a level from 0 to 256",
        spec.threshold,
      );
      checkProbability(spec);
      return;
    case "randAugment":
      checkRandAugment(spec);
      return;
    case "compose":
      requireOption(
        Array.isArray(spec.transforms),
        "compose.transforms",
        "a list of transforms",
        spec.transforms,
      );
      return;
    case "module":
      requireOption(
        typeof spec.url === "string" && /^[a-z][a-z0-9+.-]+:/i.test(spec.url),
        "module.url",
        "an absolute URL, as new URL(path, import.meta.url).href gives",
        spec.url,
      );
      requireOption(typeof spec.export === "string", "module.export", "an export's name", spec.export);
      return;
    default:
      refuseUnknown(spec);
  }
}

function refuseUnknown(spec: never): never {
  const known =
    "resize, resizeToCover, centerCrop, randomCrop, randomResizedCrop, randomHorizontalFlip, colorJitter, randomGrayscale, gaussianBlur, solarize, randAugment, compose or module";
  requireOption(false, "transform.name", known, (spec as { name?: unknown } | undefined)?.name);
}

function checkRandAugment(spec: RandAugmentSpec): void {
  const { name, operations, magnitude, deviation, increasing, fill, interpolation } = spec;
  const whole = Number.isSafeInteger(operations) && operations >= 0;
  requireOption(whole, `${name}.operations`, "a whole number of at least 0", operations);
  requireOption(magnitude >= 0 && magnitude <= 10, `${name}.magnitude`, "a number from 0 to 10", magnitude);
  const finite = deviation >= 0 && Number.isFinite(deviation);
  requireOption(finite, `${name}.deviation`, "a number of at least 0", deviation);
  requireOption(typeof increasing === "boolean", `${name}.increasing`, "true or false", increasing);
  const levels =
    Array.isArray(fill) &&
    (fill.length === 1 || fill.length === 3) &&
    fill.every((level) => Number.isInteger(level) && level >= 0 && level <= 255);
  requireOption(levels, `${name}.fill`, "1 or 3 whole levels from 0 to 255", fill);
  checkInterpolation(name, interpolation);
  checkProbability(spec);
}

function checkProbability(spec: { name: string; probability: number }): void {
  const { name, probability } = spec;
  requireOption(
    probability >= 0 && probability <= 1,
    `${name}.probability`,
    "a number from 0 to 1",
    probability,
  );
}

function checkRange(option: string, range: Range, lowest: number, highest: number): void {
  const ok =
    Array.isArray(range) &&
    range.length === 2 &&
    range[0] >= lowest &&
    range[0] <= range[1] &&
    range[1] <= highest;
  const bound =
    highest === Number.MAX_VALUE ? (lowest === 0 ? "at least 0" : "above 0") : `from ${lowest} to ${highest}`;
  requireOption(ok, option, `[low, high] with low <= high, both ${bound}`, range);
}

function checkInterpolation(name: string, interpolation: Interpolation): void {
  const ok = interpolation === "bicubic" || interpolation === "bilinear";
  requireOption(ok, `${name}.interpolation`, '"bicubic" or "bilinear"', interpolation);
}
