import { requireOption, SitError } from "@sitjs/core";
import { describeJson } from "@sitjs/core/json";
import { asRecord } from "./as-record.js";

/** How images become the network's input. */
export interface Preprocessing {
  /** Side of the network's square images, in pixels. */
  readonly size: number;
  /**
   * What the shorter side of an image is resized to, in pixels, before the middle is cut out. Without it both sides are
   * resized to `size`, whatever they were.
   */
  readonly shorterSide?: number | undefined;
  /** Subtracted from a channel's values in [0, 1]. */
  readonly mean: readonly number[];
  /** Divides them then. */
  readonly std: readonly number[];
  readonly interpolation: "bilinear" | "bicubic";
}

/**
 * How `sit` prepares images to judge a network by, which is `evalView` of `@sitjs/augment`: bicubic, the shorter side to
 * `size / cropRatio`, then the middle.
 *
 * @throws SitError "bad-option"
 */
export function evaluationPreprocessing(options: {
  readonly size: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Default 224 / 256, or 1 up to 64 pixels. */
  readonly cropRatio?: number | undefined;
}): Preprocessing {
  const { size, mean, std, cropRatio = size <= 64 ? 1 : 224 / 256 } = options;
  requireOption(cropRatio > 0 && cropRatio <= 1, "cropRatio", "a number above 0, at most 1", cropRatio);
  return { size, shorterSide: Math.round(size / cropRatio), mean, std, interpolation: "bicubic" };
}

/** In the numbers of Pillow. */
const resample = { bilinear: 2, bicubic: 3 } as const;

/**
 * The `preprocessor_config.json` of a folder. Where the middle is cut out it is transformers' `BitImageProcessor`, which
 * does that (DINOv2's too); `ViTImageProcessor` squashes.
 *
 * @throws SitError "bad-option" for numbers that are not one a channel
 */
export function formatPreprocessing(
  { size, shorterSide, mean, std, interpolation }: Preprocessing,
  channels: number,
): Readonly<Record<string, unknown>> {
  for (const [name, numbers] of Object.entries({ mean, std })) {
    const fits = numbers.length === channels && numbers.every(Number.isFinite);
    requireOption(fits, name, `${channels} numbers, one a channel`, numbers);
  }
  requireOption(
    std.every((each) => each > 0),
    "std",
    "numbers above 0",
    std,
  );
  const square = { height: size, width: size };
  return {
    ...(shorterSide === undefined
      ? { image_processor_type: "ViTImageProcessor", do_resize: true, size: square }
      : {
          image_processor_type: "BitImageProcessor",
          do_resize: true,
          size: { shortest_edge: shorterSide },
          do_center_crop: true,
          crop_size: square,
        }),
    do_convert_rgb: channels === 3,
    resample: resample[interpolation],
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}

/**
 * What a `preprocessor_config.json` says.
 * @throws SitError "bad-file" naming the key
 */
export function readPreprocessing(json: unknown, source: string): Preprocessing {
  const fail = (key: string, expected: string, got: unknown): never => {
    throw new SitError("bad-file", `${source}: ${key}: expected ${expected}, got ${describeJson(got)}`);
  };
  const config = asRecord(json) ?? fail("preprocessor", "an object", json);
  const side = (key: "size" | "crop_size"): { square?: number; shorter?: number } => {
    const value = config[key];
    const sides = asRecord(value);
    const whole = (each: unknown): number =>
      Number.isSafeInteger(each) && (each as number) > 0
        ? (each as number)
        : fail(key, "one whole number for both sides", value);
    if (sides?.shortest_edge !== undefined) return { shorter: whole(sides.shortest_edge) };
    if (sides === undefined) return { square: whole(value) };
    return { square: whole(sides.height === sides.width ? sides.height : undefined) };
  };
  const resized = side("size");
  const cropped = config.do_center_crop === true ? side("crop_size").square : undefined;
  const size = cropped ?? resized.square ?? (resized.shorter as number);
  const numbers = (key: string, fallback: readonly number[]): readonly number[] => {
    const value = config.do_normalize === false ? fallback : config[key];
    const ok = Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
    return ok ? (value as number[]) : fail(key, "a list of numbers, one a channel", value);
  };
  const filter = config.resample ?? resample.bilinear;
  const interpolation =
    filter === 3 ? "bicubic" : filter === 2 ? "bilinear" : fail("resample", "2 or 3", filter);
  const factor = config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255);
  if (typeof factor !== "number" || Math.abs(255 * factor - 1) > 1e-6)
    fail("rescale_factor", "1 / 255", factor);
  const std = numbers("image_std", [1, 1, 1]);
  if (std.some((each) => each <= 0)) fail("image_std", "numbers above 0", std);
  const mean = numbers("image_mean", [0, 0, 0]);
  if (mean.length !== std.length) fail("image_mean", `${std.length} numbers, as image_std has`, mean);
  const shorterSide = resized.shorter ?? (cropped === undefined ? undefined : resized.square);
  return { size, shorterSide, mean, std, interpolation };
}
