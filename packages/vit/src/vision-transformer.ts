import {
  addToEach,
  type Backbone,
  type BackboneContext,
  layerNorm,
  linear,
  type Params,
  param,
  patchify,
  type RandomStream,
  requireOption,
  SitError,
  truncatedNormal,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { applyBlock, type BlockOptions, initBlock } from "./block.js";
import { requireShape } from "./check.js";
import { normInit, patchEmbeddingInit } from "./init.js";
import { completeOptions, type VisionTransformerOptions } from "./options.js";
import { byGrid } from "./positions.js";
import {
  initRelativePositions,
  relativePositionBias,
  relativePositions as relativePositionsOf,
} from "./relative-positions.js";
import { tokenOffsets } from "./token-offsets.js";
import { gatherTokens, replaceTokens, requireVisible } from "./tokens.js";

/**
 * A vision transformer (Dosovitskiy et al. 2021) as timm and SiT build it: patch embedding, a class-like token put
 * first, positions, pre-norm blocks, a final layer norm over all tokens. Parameter names and layouts are timm's.
 *
 * In training with drop path, `apply` forks `context.rng` by block: the same stream drops the same paths, so give
 * each call a stream of its own. Images whose grid differs from the one it was made for get learned positions by
 * DINO's bicubic interpolation, or sine-cosine positions of their own grid; relative positions take smaller ones only.
 *
 * `visible` in the context lets only those patches through the blocks, each with the position it has in the image;
 * `masked` puts a token in the place of patches, before positions.
 *
 * @returns a backbone from images [batch, height, width, channels] to tokens [batch, 1 + patches, width]; every
 *   tensor of the outputs belongs to the caller
 * @throws SitError "bad-option" here; from `apply` "bad-shape" for images that patches do not divide or of other
 *   channels and for indices, masks and tokens that do not fit, "bad-parameters" for missing parameters, "bad-option"
 *   where drop path lacks `rng` or `visible` meets relative positions
 */
export function visionTransformer(options: VisionTransformerOptions): Backbone {
  const settings = completeOptions(options);
  const { imageSize, patchSize, channels, width, depth, heads, mlpRatio, ...rest } = settings;
  const { qkvBias, layerNormEpsilon, dropPath, positions, initialization, relativePositions, layerScale } =
    rest;
  const side = imageSize / patchSize;
  const block: BlockOptions = {
    width,
    heads,
    hidden: Math.trunc(width * mlpRatio),
    qkvBias,
    layerScale,
    layerNormEpsilon,
    initialization,
  };
  const rates = Array.from({ length: depth }, (_, i) =>
    depth === 1 ? dropPath : (dropPath * i) / (depth - 1),
  );

  const offsets = tokenOffsets({ imageSize, patchSize, width, positions });
  const relativeTable = byGrid((rows, columns) => relativePositionsOf(side, [rows, columns]));

  /** The tokens that go into the first block. */
  const embed = (params: Params, images: tf.Tensor4D, { masked, visible }: BackboneContext): tf.Tensor3D => {
    let patches = linear(
      patchify(images, patchSize),
      param(params, "patch_embed.proj.weight"),
      param(params, "patch_embed.proj.bias"),
    ) as tf.Tensor3D;
    if (masked !== undefined) patches = replaceTokens(patches, masked);
    const [rows, columns] = [images.shape[1] / patchSize, images.shape[2] / patchSize];
    const offset = offsets(params, rows, columns);
    if (visible === undefined) return addToEach(withRoomForToken(patches), offset);
    requireVisible(visible, images.shape[0], rows * columns);
    const placed = addToEach(patches, tf.slice(offset, [1, 0], [rows * columns, width]));
    const kept = gatherTokens(placed, visible);
    const token = tf.slice(offset, [0, 0], [1, width]);
    return addToEach(
      withRoomForToken(kept),
      tf.pad(token, [
        [0, kept.shape[1]],
        [0, 0],
      ]),
    );
  };

  const biasOf = (params: Params, images: tf.Tensor4D, context: BackboneContext): tf.Tensor3D | undefined => {
    if (!relativePositions) return undefined;
    requireOption(context.visible === undefined, "visible", "none with relativePositions", "indices");
    const grid = relativeTable(images.shape[1] / patchSize, images.shape[2] / patchSize);
    return relativePositionBias(params, heads, grid);
  };

  return {
    name: `vit-${width}x${depth}-patch${patchSize}`,
    width,
    depth,
    patchSize,
    channels,
    imageSize,
    settings: { ...settings, layerScale: layerScale ?? "none" },

    init: (rng: RandomStream) => ({
      cls_token: truncatedNormal(
        rng.fork("cls_token"),
        [1, 1, width],
        initialization === "moco-v3" ? 1e-6 : 0.02,
      ),
      ...(positions === "learned"
        ? { pos_embed: truncatedNormal(rng.fork("pos_embed"), [1, 1 + side * side, width]) }
        : {}),
      ...patchEmbeddingInit(rng, "patch_embed.proj", [width, channels, patchSize, patchSize], initialization),
      ...Object.assign({}, ...rates.map((_, i) => initBlock(rng, `blocks.${i}`, block))),
      ...(relativePositions ? initRelativePositions(side, heads) : {}),
      ...normInit("norm", width),
    }),

    apply(params, images, context) {
      requireShape("images", images, [-1, -1, -1, channels]);
      if (context.train && dropPath > 0 && context.rng === undefined) {
        throw new SitError(
          "bad-option",
          `rng: expected a random stream in the context for drop path ${dropPath} in training, got none`,
        );
      }
      return tf.tidy(() => {
        const blocks: tf.Tensor3D[] = [];
        const attention: tf.Tensor4D[] = [];
        let x = tf.tidy(() => embed(params, images, context));
        const bias = biasOf(params, images, context);
        for (const [i, rate] of rates.entries()) {
          const made = applyBlock(params, `blocks.${i}`, x, block, {
            dropPath: context.train ? rate : 0,
            rng: context.rng?.fork("drop path", i),
            bias,
            attention: context.attention,
          });
          // What came before lives on only where somebody wants it: the caller, or the gradient.
          if (!context.blocks) x.dispose();
          x = made.output;
          if (context.blocks) blocks.push(x);
          if (made.weights) attention.push(made.weights);
        }
        const normal = (of: tf.Tensor3D) =>
          layerNorm(
            of,
            param(params, "norm.weight"),
            param(params, "norm.bias"),
            layerNormEpsilon,
          ) as tf.Tensor3D;
        const tokens = normal(x);
        return { tokens, blocks: context.blocks === "normalized" ? blocks.map(normal) : blocks, attention };
      });
    },
  };
}

/** [batch, tokens, width] to [batch, 1 + tokens, width], zeros first. */
function withRoomForToken(patches: tf.Tensor3D): tf.Tensor3D {
  return tf.pad(patches, [
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
}
