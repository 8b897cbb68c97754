import { requireOption } from "@sitjs/core";
import { requirePositive } from "./check.js";
import { type BackboneInitialization, requireBackboneInitialization } from "./init.js";

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

/** Every option of a vision transformer, with the defaults in their places; `layerScale` undefined for none. */
export type CompleteVisionTransformerOptions = Required<Omit<VisionTransformerOptions, "layerScale">> & {
  readonly layerScale: number | undefined;
};

/**
 * The options checked, with the defaults in their places.
 * @throws SitError "bad-option"
 */
export function completeOptions(options: VisionTransformerOptions): CompleteVisionTransformerOptions {
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
  if (isFixed(positions)) {
    requireOption(width % 4 === 0, "width", "a multiple of 4 for sine-cosine positions", width);
  }
  return {
    imageSize,
    patchSize,
    channels,
    width,
    depth,
    heads,
    mlpRatio,
    qkvBias,
    layerNormEpsilon,
    dropPath,
    positions,
    relativePositions,
    layerScale,
    initialization,
  };
}

/** True for positions that are no parameter. */
export function isFixed(positions: Positions): boolean {
  return positions === "sincos" || positions === "sincos-moco";
}
