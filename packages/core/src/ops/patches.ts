import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { canFuse, runKernel } from "./backend.js";
import { withGradient } from "./gradient.js";

/**
 * Cuts images into patches: [batch, height, width, channels] to [batch, rows x columns, channels x p x p].
 * Patches go row by row; inside one, values are ordered channel, row, column, as a flattened convolution weight.
 *
 * @throws SitError "bad-shape" where the patch size does not divide the image
 */
export function patchify(images: tf.Tensor4D, patchSize: number): tf.Tensor3D {
  const [batch, height, width, channels] = images.shape;
  requireDivides("patchify", height, width, patchSize);
  const [rows, columns] = [height / patchSize, width / patchSize];
  if (canFuse(["SitPatchify", "SitUnpatchify"], [images])) {
    return withGradient<tf.Tensor3D>(
      [images],
      () => ({
        value: runKernel("SitPatchify", { images }, { patch: patchSize })[0] as tf.Tensor3D,
        save: [],
      }),
      (dy) => [unpatchify(dy, [rows, columns], patchSize, channels)],
    );
  }
  return tf.tidy(() => {
    const split = tf.reshape(images, [batch * rows, patchSize, columns, patchSize, channels]);
    const ordered = tf.transpose(split, [0, 2, 4, 1, 3]);
    return tf.reshape(ordered, [batch, rows * columns, channels * patchSize * patchSize]) as tf.Tensor3D;
  });
}

/** The inverse of `patchify`: [batch, rows x columns, channels x p x p] to [batch, height, width, channels]. */
export function unpatchify(
  patches: tf.Tensor3D,
  grid: readonly [rows: number, columns: number],
  patchSize: number,
  channels: number,
): tf.Tensor4D {
  const [batch, count, values] = patches.shape;
  const [rows, columns] = grid;
  if (count !== rows * columns || values !== channels * patchSize * patchSize) {
    throw new SitError(
      "bad-shape",
      `unpatchify: expected [batch, ${rows * columns}, ${channels * patchSize * patchSize}], got [${patches.shape.join(", ")}]`,
    );
  }
  if (canFuse(["SitPatchify", "SitUnpatchify"], [patches])) {
    const sizes = { rows, columns, patch: patchSize };
    return withGradient<tf.Tensor4D>(
      [patches],
      () => ({ value: runKernel("SitUnpatchify", { patches }, sizes)[0] as tf.Tensor4D, save: [] }),
      (dy) => [patchify(dy, patchSize)],
    );
  }
  return tf.tidy(() => {
    const split = tf.reshape(patches, [batch * rows, columns, channels, patchSize, patchSize]);
    const ordered = tf.transpose(split, [0, 3, 1, 4, 2]);
    return tf.reshape(ordered, [batch, rows * patchSize, columns * patchSize, channels]) as tf.Tensor4D;
  });
}

function requireDivides(what: string, height: number, width: number, patchSize: number): void {
  if (height % patchSize !== 0 || width % patchSize !== 0) {
    throw new SitError(
      "bad-shape",
      `${what}: expected sides that the patch size ${patchSize} divides, got an image of ${height} x ${width}`,
    );
  }
}
