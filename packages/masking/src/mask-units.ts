import type { TokenMask, TokenMasking } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import * as tf from "@tensorflow/tfjs";

export interface MaskUnitsOptions {
  /** Images of the batch. */
  readonly batch: number;
  /** Rows and columns of an image, pixels. */
  readonly height: number;
  readonly width: number;
  /** Side of a patch, pixels. */
  readonly patchSize: number;
  /** Side of the squares that are masked as one, pixels: a multiple of the patch size that divides the image. Default 32. */
  readonly unitSize?: number;
  /** Share of the squares to mask, in [0, 1], rounded up to whole ones; default 0.6. */
  readonly ratio?: number;
}

/** Which squares, and how many of them. */
export type MaskUnits = Pick<MaskUnitsOptions, "unitSize" | "ratio">;

/** SimMIM's. */
const usual = { unitSize: 32, ratio: 0.6 } as const;

/** SimMIM's random masking as a part of a method: see `randomMaskUnits`, which throws what is wrong with the options. */
export function maskUnits({ unitSize = usual.unitSize, ratio = usual.ratio }: MaskUnits = {}): TokenMasking {
  const settings = { unitSize, ratio };
  return {
    name: "mask-units",
    settings,
    draw: (images, rng) => randomMaskUnits({ ...settings, ...images }, rng),
  };
}

/**
 * SimMIM's random masking (Xie et al. 2022, "SimMIM: a simple framework for masked image modeling"): squares of several
 * patches, the same number in every image, any choice of them equally likely. Image i draws from `rng.fork(i)`.
 *
 * @throws SitError "bad-option"; "bad-shape" where the squares do not fit the patches or the image
 */
export function randomMaskUnits(options: MaskUnitsOptions, rng: RandomStream): TokenMask {
  const { batch, height, width, patchSize, unitSize = usual.unitSize, ratio = usual.ratio } = options;
  for (const [name, value] of Object.entries({ batch, height, width, patchSize, unitSize })) {
    requireOption(Number.isInteger(value) && value >= 1, name, "a whole number, at least 1", value);
  }
  requireOption(ratio >= 0 && ratio <= 1, "ratio", "a share from 0 to 1", ratio);
  if (unitSize % patchSize !== 0) {
    throw new SitError(
      "bad-shape",
      `unitSize: expected a multiple of the patch size ${patchSize}, got ${unitSize}`,
    );
  }
  if (height % unitSize !== 0 || width % unitSize !== 0) {
    throw new SitError(
      "bad-shape",
      `unitSize: expected an image with sides that ${unitSize} divides, got ${height} x ${width}`,
    );
  }
  const [rows, columns] = [height / unitSize, width / unitSize];
  const units = rows * columns;
  const masked = Math.ceil(ratio * units); // in floating point, as in the official code: 0.7 of 10 are 8
  const chosen = new Float32Array(batch * units);
  for (let sample = 0; sample < batch; sample++) {
    for (const unit of rng.fork(sample).permutation(units).subarray(0, masked))
      chosen[sample * units + unit] = 1;
  }
  return tf.tidy(() => {
    const grid = tf.tensor3d(chosen, [batch, rows, columns]);
    return {
      patches: enlarged(grid, unitSize / patchSize),
      pixels: tf.expandDims(enlarged(grid, unitSize), 3) as tf.Tensor4D,
    };
  });
}

/** Each value of [batch, rows, columns] as a square of `factor` x `factor`. */
function enlarged(grid: tf.Tensor3D, factor: number): tf.Tensor3D {
  const [batch, rows, columns] = grid.shape;
  return tf.tidy(() => {
    const squares = tf.tile(tf.reshape(grid, [batch * rows, 1, columns, 1]), [1, factor, 1, factor]);
    return tf.reshape(squares, [batch, rows * factor, columns * factor]) as tf.Tensor3D;
  });
}
