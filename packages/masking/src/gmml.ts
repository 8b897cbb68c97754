import { type Corruption, randomNormal } from "@sitjs/core";
import { requireOption, SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import {
  type BlockSizes,
  blockGrid,
  defaultBlocks,
  requireAlignment,
  requireBlocks,
  requireShare,
} from "./blocks.js";
import { type BatchDraw, type BatchSize, drawBatch, type GmmlKind, type Kind } from "./draw.js";
import { takePixels } from "./pixels.js";
import { imageShape } from "./shapes.js";

export interface GmmlShare {
  /** Largest corrupted share of an image, in (0, 1]; each image draws its own from [minimumRatio, ratio]. */
  readonly ratio?: number;
  /** Smallest corrupted share, in [0, ratio]; default `min(0.5, ratio)`. */
  readonly minimumRatio?: number;
}

export interface GmmlOptions {
  /** Zeros: the mean colour of normalised images. Ratio 0.7 unless given. */
  readonly zeros?: GmmlShare;
  /** Standard normal noise, drawn for each channel. Ratio 0.7 unless given. */
  readonly noise?: GmmlShare;
  /** The same place of another image of the batch. Ratio 0.3 unless given. */
  readonly replace?: GmmlShare;
  /** Another place of the same clean image, one place per block. Ratio 0.7 unless given. */
  readonly rand?: GmmlShare;
  /** Sides of the blocks as shares of the image's; default 0.05 to 0.25. */
  readonly blocks?: BlockSizes;
  /** Pixels that block borders are multiples of: 1 (default) or the patch size. */
  readonly alignment?: number;
}

const kinds = ["zeros", "noise", "replace", "rand"] as const satisfies readonly GmmlKind[];
const usualRatio: Readonly<Record<GmmlKind, number>> = { zeros: 0.7, noise: 0.7, replace: 0.3, rand: 0.7 };

/**
 * Group masked model learning: corrupts blocks of neighbouring pixels, of many sizes and at any place
 * (Atito, Awais and Kittler 2021, "SiT: Self-supervised vision Transformer"; Atito et al. 2022, "GMML is all
 * you need").
 *
 * Where several kinds are named, each image gets one of them, all equally likely; where none is,
 * `noise: { ratio: 0.7 }, replace: { ratio: 0.3 }`, the paper's best. `drawBlockMask` tells how blocks are drawn.
 * Sample i of a batch draws from its own fork of the stream: mask and noise do not depend on the rest of the batch.
 *
 * @throws SitError "bad-option"; from `corrupt` "bad-shape" where the alignment does not divide the image, where
 * `replace` has a batch of one image, and where `rand` has an image of one cell
 */
export function gmml(options: GmmlOptions = {}): Corruption {
  const { blocks = defaultBlocks, alignment = 1 } = options;
  requireBlocks(blocks);
  requireAlignment(alignment);
  const chosen = chosenKinds(options);
  const uses = (kind: GmmlKind) => chosen.some(({ name }) => name === kind);
  return {
    name: `gmml(${chosen.map(({ name }) => name).join(" + ")})`,
    settings: { ...shares(chosen), blocks: { ...blocks }, alignment },
    corrupt(images, rng) {
      const size = imageShape(images);
      const grid = blockGrid(size.height, size.width, blocks, alignment);
      if (uses("replace") && size.batch === 1) {
        throw new SitError("bad-shape", "replace: expected a batch of at least 2 images, got 1", {
          mend: "Corrupt a single image with noise or zeros.",
        });
      }
      if (uses("rand") && grid.rows * grid.columns === 1) {
        throw new SitError(
          "bad-shape",
          `rand: expected an image larger than the alignment, got both ${alignment} x ${alignment}`,
        );
      }
      return compose(images, size, drawBatch(size, grid, chosen, rng));
    },
  };
}

/** `clean · (1 - mask) + content`, on the device. */
function compose(
  images: tf.Tensor4D,
  { batch, height, width }: BatchSize,
  { mask, noise, borrowed, donors, sources }: BatchDraw,
): { images: tf.Tensor4D; mask: tf.Tensor4D } {
  return tf.tidy(() => {
    const maskTensor = tf.tensor4d(mask, [batch, height, width, 1]);
    let corrupted = tf.mul(images, tf.sub(1, maskTensor)) as tf.Tensor4D;
    if (noise !== undefined) {
      const values = randomNormal(images.shape, noise.streams);
      corrupted = tf.add(corrupted, tf.mul(values, tf.tensor4d(noise.mask, [batch, height, width, 1])));
    }
    if (borrowed !== undefined) {
      let content: tf.Tensor = images;
      if (donors !== undefined) content = tf.gather(content, tf.tensor1d(donors, "int32"));
      if (sources !== undefined) content = takePixels(content as tf.Tensor4D, sources, images.shape);
      corrupted = tf.add(corrupted, tf.mul(content, tf.tensor4d(borrowed, [batch, height, width, 1])));
    }
    return { images: corrupted, mask: maskTensor };
  });
}

/** By kind, for records. */
function shares(chosen: readonly Kind[]): Record<GmmlKind, unknown> {
  const of = (kind: GmmlKind) => {
    const share = chosen.find(({ name }) => name === kind)?.share;
    return share === undefined ? "none" : { ratio: share.high, minimumRatio: share.low };
  };
  return { zeros: of("zeros"), noise: of("noise"), replace: of("replace"), rand: of("rand") };
}

function chosenKinds(options: GmmlOptions): readonly Kind[] {
  const known = new Set<string>([...kinds, "blocks", "alignment"]);
  for (const key of Object.keys(options)) {
    requireOption(known.has(key), "gmml", `options among ${[...known].join(", ")}`, key);
  }
  const named = kinds.filter((name) => options[name] !== undefined);
  return (named.length > 0 ? named : (["noise", "replace"] as const)).map((name) => {
    const { ratio = usualRatio[name], minimumRatio = Math.min(0.5, ratio) } = options[name] ?? {};
    requireShare(`${name}.ratio`, `${name}.minimumRatio`, ratio, minimumRatio);
    return { name, share: { low: minimumRatio, high: ratio } };
  });
}
