import { requireOption } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import { roundHalfEven } from "./geometry.js";
import type { Range } from "./spec-types.js";

/** Random erasing (Zhong et al. 2020) of a view's normalised pixels, as plain data; `randomErasing` makes one. */
export interface ErasingSpec {
  readonly probability: number;
  readonly area: Range;
  readonly aspect: Range;
  readonly fill: "noise" | number;
}

/**
 * With `probability` (0.25), erases a rectangle of a view after normalisation: its share of the area is uniform in `area`
 * ([0.02, 1/3]), its height over width log-uniform in `aspect` ([0.3, 1/0.3]). `fill` "noise" (default) puts in standard
 * normal values, a number that value; 0 is the mean colour. Defaults as timm and DeiT.
 *
 * @throws SitError "bad-option"
 */
export function randomErasing(options: Partial<ErasingSpec> = {}): ErasingSpec {
  const spec = { probability: 0.25, area: [0.02, 1 / 3], aspect: [0.3, 1 / 0.3], fill: "noise", ...options };
  checkErasing(spec as ErasingSpec);
  return spec as ErasingSpec;
}

/** Throws `SitError("bad-option")` naming what is out of range. */
export function checkErasing({ probability, area, aspect, fill }: ErasingSpec): void {
  requireOption(
    probability >= 0 && probability <= 1,
    "erasing.probability",
    "a number from 0 to 1",
    probability,
  );
  const shares = Array.isArray(area) && area[0] > 0 && area[0] <= area[1] && area[1] <= 1;
  requireOption(shares, "erasing.area", "[low, high] with 0 < low <= high <= 1", area);
  const sides = Array.isArray(aspect) && aspect[0] > 0 && aspect[0] <= aspect[1] && aspect[1] < Infinity;
  requireOption(sides, "erasing.aspect", "[low, high] with 0 < low <= high", aspect);
  requireOption(fill === "noise" || Number.isFinite(fill), "erasing.fill", '"noise" or a number', fill);
}

const TRIES = 10;

/** Erases in `pixels` [height, width, channels] from `offset` on; after ten rectangles that do not fit, nothing. */
export function erase(
  pixels: Float32Array,
  offset: number,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
  { probability, area, aspect, fill }: ErasingSpec,
  rng: RandomStream,
): void {
  if (!rng.chance(probability)) return;
  for (let i = 0; i < TRIES; i++) {
    const target = height * width * rng.between(area[0], area[1]);
    const ratio = Math.exp(rng.between(Math.log(aspect[0]), Math.log(aspect[1])));
    const rows = roundHalfEven(Math.sqrt(target * ratio));
    const columns = roundHalfEven(Math.sqrt(target / ratio));
    if (rows >= height || columns >= width) continue;
    const top = rng.integer(0, height - rows + 1);
    const left = rng.integer(0, width - columns + 1);
    for (let y = top; y < top + rows; y++) {
      const from = offset + (y * width + left) * channels;
      const row = pixels.subarray(from, from + columns * channels);
      if (fill === "noise") rng.fillNormal(row);
      else row.fill(fill);
    }
    return;
  }
}
