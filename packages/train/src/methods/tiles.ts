import { type PartFunction, partRecords, type RandomStream, SitError, type TiledImages } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { type ClassMethodOptions, classMethod } from "./classification.js";

export interface TileMethodOptions extends ClassMethodOptions {
  /** From a batch of images to tiles of each and the class to tell; their sides are multiples of the backbone's patch. */
  readonly tiles: PartFunction<(images: tf.Tensor4D, rng: RandomStream) => TiledImages>;
}

/**
 * Tells a class from an image's tiles. Each tile goes through the same backbone by itself, all tiles of the batch at once
 * and with positions for the tile's size, so that no tile sees another before the head does.
 *
 * @param mend what decides the size of a tile, for the message where patches do not divide it
 */
export function tileMethod(name: string, { tiles, ...options }: TileMethodOptions, mend: string): Method {
  const { patchSize } = options.backbone;
  return classMethod(name, options, partRecords({ tiles }), (view, rng) => {
    const made = tiles(view, rng);
    const [batch, members, height, width, channels] = made.tiles.shape;
    if (height % patchSize !== 0 || width % patchSize !== 0) {
      throw new SitError(
        "bad-shape",
        `${name}: expected tiles whose sides are multiples of the patch size ${patchSize}, got ${height} x ${width}`,
        { mend },
      );
    }
    const images = tf.reshape(made.tiles, [batch * members, height, width, channels]) as tf.Tensor4D;
    return { images, labels: made.labels };
  });
}
