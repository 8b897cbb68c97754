import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import { toChannels } from "./color.js";
import { checkErasing, erase } from "./erasing.js";
import { horizontalFlip } from "./geometry.js";
import { checkImage, type Image, sidesOf } from "./image.js";
import { checkStatistics, normalizer } from "./normalize.js";
import type { TransformSpec } from "./spec-types.js";
import type { Transform } from "./transform.js";
import { createTransform, nameHash, streamKeys } from "./transforms.js";
import type { ViewSpec } from "./views.js";

/** A view that runs. */
export interface View {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** Values of one image of the view: height x width x channels. */
  readonly length: number;
  /**
   * The view's pixels before normalisation and erasing, for looking at; `rng` as for `applyViews`, so the picture is the
   * one that training sees.
   */
  render(image: Image, rng: RandomStream): Image;
  /** Writes the normalised view [height, width, channels] into `out` from `offset` on. */
  write(image: Image, rng: RandomStream, out: Float32Array, offset: number): void;
}

/**
 * Makes pipelines run; call it in the thread that will use them. Throws `SitError("bad-option")` for a bad view or
 * transform, names used twice, or no views, and what `createTransform` throws.
 */
export async function createViews(specs: readonly ViewSpec<TransformSpec | Transform>[]): Promise<View[]> {
  requireOption(Array.isArray(specs) && specs.length > 0, "views", "a list of at least one view", specs);
  const names = specs.map((spec) => spec?.name);
  for (const [i, name] of names.entries()) {
    requireOption(typeof name === "string" && name !== "", `views[${i}].name`, "a name", name);
    requireOption(names.indexOf(name) === i, `views[${i}].name`, "a name not used before", name);
  }
  return Promise.all(specs.map(createView));
}

/**
 * Writes all views of one image into batches: view `i` goes to `out[i]`, a float32 array [batch, height, width,
 * channels], at index `row` of the batch. `rng` is the sample's own stream, by convention `randomStream(seed,
 * "augment", epoch, index)`; it is forked by the view's name, then by the transform's name (and which one of that
 * name it is), so what one transform draws depends on no other transform, view, sample or worker. Throws
 * `SitError("bad-shape")` for an image whose data do not fit, or an `out` without room.
 */
export function applyViews(
  views: readonly View[],
  image: Image,
  rng: RandomStream,
  out: readonly Float32Array[],
  row = 0,
): void {
  checkImage(image);
  for (let i = 0; i < views.length; i++) {
    const view = views[i] as View;
    const batch = out[i];
    const offset = row * view.length;
    if (batch === undefined || !(offset >= 0) || offset + view.length > batch.length) {
      throw new SitError(
        "bad-shape",
        `out[${i}]: expected room for ${view.name} (${view.length} values) at index ${row}, got ${batch?.length ?? 0} values`,
      );
    }
    view.write(image, rng, batch, offset);
  }
}

/** The stream of a view's erasing, beside those of its transforms. */
const ERASING = streamKeys([{ name: "randomErasing" }])[0] as number;

async function createView(spec: ViewSpec<TransformSpec | Transform>): Promise<View> {
  const { name } = spec;
  const { height, width } = sidesOf(spec.size, `${name}.size`);
  const channels = checkStatistics(spec, `${name}.`);
  requireOption(
    Array.isArray(spec.transforms),
    `${name}.transforms`,
    "a list of transforms",
    spec.transforms,
  );
  const transforms = await Promise.all(spec.transforms.map(createTransform));
  const keys = streamKeys(transforms);
  const lateFlip = lateFlipAt(spec.transforms);
  const flipChance = lateFlip === -1 ? 0 : (spec.transforms[lateFlip] as { probability: number }).probability;
  const { write } = normalizer(spec);
  const viewKey = nameHash(name);
  const { erasing } = spec;
  if (erasing !== undefined) checkErasing(erasing);

  const run = (image: Image, stream: RandomStream): Image => {
    // Luma first where one channel is wanted: less to compute. Grey pictures are repeated only when written.
    let result = channels === 1 ? toChannels(image, 1) : image;
    for (let i = 0; i < transforms.length; i++) {
      if (i !== lateFlip) result = (transforms[i] as Transform).apply(result, stream.fork(keys[i] as number));
    }
    if (result.width !== width || result.height !== height) {
      throw new SitError(
        "bad-shape",
        `${name}: expected ${width} x ${height} from its transforms, got ${result.width} x ${result.height}`,
      );
    }
    return result;
  };
  const mirrored = (stream: RandomStream) =>
    lateFlip !== -1 && stream.fork(keys[lateFlip] as number).chance(flipChance);

  return {
    name,
    height,
    width,
    channels,
    length: height * width * channels,
    render(image, rng) {
      checkImage(image);
      const stream = rng.fork(viewKey);
      const result = run(image, stream);
      return toChannels(mirrored(stream) ? horizontalFlip(result) : result, channels);
    },
    write(image, rng, out, offset) {
      const stream = rng.fork(viewKey);
      write(run(image, stream), out, offset, mirrored(stream));
      if (erasing === undefined) return;
      erase(out, offset, { height, width, channels }, erasing, stream.fork(ERASING));
    },
  };
}

/** Transforms that do the same to a mirror image, pixel for pixel. */
const MIRROR_SAFE: ReadonlySet<string> = new Set([
  "colorJitter",
  "randomGrayscale",
  "gaussianBlur",
  "solarize",
]);

/** Where the last flip stands if it can as well be done when the result is written, which costs nothing; else -1. */
function lateFlipAt(transforms: readonly (TransformSpec | Transform)[]): number {
  const isPlain = (transform: TransformSpec | Transform) => !("apply" in transform);
  const at = transforms.findLastIndex((one) => isPlain(one) && one.name === "randomHorizontalFlip");
  const after = transforms.slice(at + 1);
  return after.every((one) => isPlain(one) && MIRROR_SAFE.has(one.name)) ? at : -1;
}
