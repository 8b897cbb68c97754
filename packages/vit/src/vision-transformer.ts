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
import { requirePositive, requireShape } from "./check.js";
import {
  type BackboneInitialization,
  normInit,
  patchEmbeddingInit,
  requireBackboneInitialization,
} from "./init.js";
import { byGrid, interpolationMatrix, sinCosPositions } from "./positions.js";
import {
  initRelativePositions,
  relativePositionBias,
  relativePositions as relativePositionsOf,
} from "./relative-positions.js";
import { gatherTokens, replaceTokens, requireVisible } from "./tokens.js";

export type Positions = "learned" | "sincos" | "sincos-moco" | "none";
const positionKinds: readonly Positions[] = ["learned", "sincos", "sincos-moco", "none"];

export interface VisionTransformerOptions {
  /** Side of the square images it is made for, in pixels; others are accepted and get interpolated positions. */
  readonly imageSize: number;
  /** Side of a patch in pixels; divides the image. */
  readonly patchSize: number;
  /** Channels of an image (default 3). */
  readonly channels?: number;
  /** Features of a token (default 384). */
  readonly width?: number;
  /** Number of blocks (default 12). */
  readonly depth?: number;
  /** Attention heads (default 6); divide the width. */
  readonly heads?: number;
  /** Hidden features of a block's perceptron over its width (default 4). */
  readonly mlpRatio?: number;
  /**
   * A bias on queries, keys and values (default true); "query-value" has two parameters and none on the keys, as BEiT
   * and SimMIM.
   */
  readonly qkvBias?: boolean | "query-value";
  /** Added to the variance in layer norms (default 1e-6). */
  readonly layerNormEpsilon?: number;
  /**
   * Stochastic depth in training (Huang et al. 2016): the last block's rate, in [0, 1), rising linearly from 0 at
   * the first block (default 0.1).
   */
  readonly dropPath?: number;
  /**
   * Learned positions (`pos_embed`, the default); fixed sine-cosine ones, which are no parameter at all, in MAE's order
   * ("sincos") or in MoCo v3's ("sincos-moco"); or none.
   */
  readonly positions?: Positions;
  /**
   * A bias on the attention scores by the offset between two patches, one table for all blocks (BEiT, Bao et al. 2022,
   * and SimMIM; default false). Attention is then slower: no engine has it in one operation.
   */
  readonly relativePositions?: boolean;
  /**
   * Layer scale (Touvron et al. 2021): each branch is multiplied by feature, by parameters that start at this number
   * above 0; SimMIM takes 0.1 (default none).
   */
  readonly layerScale?: number | undefined;
  /**
   * How linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks; or everything as the
   * code of "mae" or "moco-v3" does.
   */
  readonly initialization?: BackboneInitialization;
}

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
  const { imageSize, patchSize, channels = 3, width = 384, depth = 12, heads = 6, mlpRatio = 4 } = options;
  const { qkvBias = true, layerNormEpsilon = 1e-6, dropPath = 0.1, positions = "learned" } = options;
  const { initialization = "truncated-normal", relativePositions = false, layerScale } = options;
  requireBackboneInitialization(initialization);
  requirePositive({ imageSize, patchSize, channels, width, depth, heads });
  requireOption(imageSize % patchSize === 0, "imageSize", `a multiple of patchSize ${patchSize}`, imageSize);
  requireOption(width % heads === 0, "heads", `a divisor of width ${width}`, heads);
  requireOption(mlpRatio > 0 && width * mlpRatio >= 1, "mlpRatio", "a number above 0", mlpRatio);
  requireOption(layerNormEpsilon > 0, "layerNormEpsilon", "a number above 0", layerNormEpsilon);
  requireOption(dropPath >= 0 && dropPath < 1, "dropPath", "a number in [0, 1)", dropPath);
  requireOption(
    positionKinds.includes(positions),
    "positions",
    positionKinds.map((kind) => `"${kind}"`).join(" or "),
    positions,
  );
  requireOption(
    typeof qkvBias === "boolean" || qkvBias === "query-value",
    "qkvBias",
    'true, false or "query-value"',
    qkvBias,
  );
  requireOption(
    typeof relativePositions === "boolean",
    "relativePositions",
    "true or false",
    relativePositions,
  );
  requireOption(layerScale === undefined || layerScale > 0, "layerScale", "a number above 0", layerScale);
  const fixed = positions === "sincos" || positions === "sincos-moco";
  if (fixed) {
    requireOption(width % 4 === 0, "width", "a multiple of 4 for sine-cosine positions", width);
  }
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

  const sinCosTable = byGrid((rows, columns) =>
    sinCosPositions(width, rows, columns, positions === "sincos-moco" ? "row-column" : "column-row"),
  );
  const relativeTable = byGrid((rows, columns) => relativePositionsOf(side, [rows, columns]));

  /** What is added to every image's tokens, [1 + rows x columns, width]: positions, and the class token in its row. */
  const offsets = (params: Params, rows: number, columns: number): tf.Tensor2D => {
    const token = tf.reshape(param(params, "cls_token"), [1, width]);
    if (positions === "none")
      return tf.pad(token, [
        [0, rows * columns],
        [0, 0],
      ]) as tf.Tensor2D;
    if (fixed) {
      const table = tf.tensor2d(sinCosTable(rows, columns), [rows * columns, width]);
      return tf.concat([token, table]) as tf.Tensor2D;
    }
    const learned = param<tf.Tensor3D>(params, "pos_embed");
    requireShape("pos_embed", learned, [1, 1 + side * side, width]);
    const flat = tf.reshape(learned, [1 + side * side, width]);
    const first = tf.add(token, tf.slice(flat, [0, 0], [1, width]));
    const stored = tf.slice(flat, [1, 0], [side * side, width]);
    if (rows === side && columns === side) return tf.concat([first, stored]) as tf.Tensor2D;
    const matrix = tf.tensor2d(interpolationMatrix(side, rows, columns), [rows * columns, side * side]);
    return tf.concat([first, tf.matMul(matrix, stored)]) as tf.Tensor2D;
  };

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
