import type { PatchSampler, VisiblePatches } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import * as tf from "@tensorflow/tfjs";

export interface VisiblePatchesOptions {
  /** Images of the batch. */
  readonly batch: number;
  /** Patches of an image. */
  readonly patches: number;
  /** Share of the patches to hide, in [0, 1); `int(patches x (1 - ratio))` stay visible. Default 0.75. */
  readonly ratio?: number;
}

/** MAE's. */
const usualRatio = 0.75;

/** MAE's random masking as a part of a method: see `randomVisiblePatches`, which throws what is wrong with the ratio. */
export function visiblePatches({
  ratio = usualRatio,
}: Pick<VisiblePatchesOptions, "ratio"> = {}): PatchSampler {
  return {
    name: "visible-patches",
    settings: { ratio },
    sample: (images, rng) => randomVisiblePatches({ ...images, ratio }, rng),
  };
}

/**
 * MAE's random masking (He et al. 2021, "Masked autoencoders are scalable vision learners"): each image's patches are
 * ranked by uniform noise, and the first of them stay visible. Image i draws from `rng.fork(i)`, so what is hidden does
 * not depend on the rest of the batch.
 *
 * @throws SitError "bad-option", also for a ratio that leaves no patch visible
 */
export function randomVisiblePatches(options: VisiblePatchesOptions, rng: RandomStream): VisiblePatches {
  const { batch, patches } = options;
  visibleCount(options); // before any draw
  const noise = new Float64Array(batch * patches);
  for (let sample = 0, next = 0; sample < batch; sample++) {
    const stream = rng.fork(sample);
    for (let patch = 0; patch < patches; patch++) noise[next++] = stream.uniform();
  }
  return visiblePatchesFromNoise(noise, options);
}

/**
 * The same from noise given: an image's patches in ascending order of it; of equal ones the first patch goes first.
 *
 * @param noise [batch x patches], image by image
 * @throws SitError "bad-option", and "bad-shape" for noise of another length
 */
export function visiblePatchesFromNoise(
  noise: Float32Array | Float64Array,
  options: VisiblePatchesOptions,
): VisiblePatches {
  const { batch, patches } = options;
  const count = visibleCount(options);
  if (noise.length !== batch * patches) {
    throw new SitError("bad-shape", `noise: expected ${batch} x ${patches} values, got ${noise.length}`);
  }
  const visible = new Int32Array(batch * count);
  const restore = new Int32Array(batch * patches);
  const mask = new Float32Array(batch * patches).fill(1);
  for (let sample = 0; sample < batch; sample++) {
    const first = sample * patches;
    const values = noise.subarray(first, first + patches);
    const order = Int32Array.from({ length: patches }, (_, patch) => patch).sort(
      (a, b) => (values[a] as number) - (values[b] as number),
    );
    order.forEach((patch, rank) => {
      restore[first + patch] = rank;
      if (rank >= count) return;
      visible[sample * count + rank] = patch;
      mask[first + patch] = 0;
    });
  }
  return {
    visible: tf.tensor2d(visible, [batch, count], "int32"),
    restore: tf.tensor2d(restore, [batch, patches], "int32"),
    mask: tf.tensor2d(mask, [batch, patches]),
  };
}

function visibleCount({ batch, patches, ratio = usualRatio }: VisiblePatchesOptions): number {
  for (const [name, value] of [
    ["batch", batch],
    ["patches", patches],
  ] as const) {
    requireOption(Number.isInteger(value) && value >= 1, name, "a whole number, at least 1", value);
  }
  requireOption(ratio >= 0 && ratio < 1, "ratio", "a share from 0 to below 1", ratio);
  // Cut off in floating point as in the official code: 0.9 of 10 patches leave 0.99… of one, which is none.
  const count = Math.trunc(patches * (1 - ratio));
  requireOption(count >= 1, "ratio", `a share that leaves one of ${patches} patches visible`, ratio);
  return count;
}
