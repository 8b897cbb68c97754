import {
  addToEach,
  layerNorm,
  linear,
  type MaskedDecoder,
  type MaskedDecoderInput,
  type Params,
  param,
  type RandomStream,
  requireOption,
  truncatedNormal,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { applyBlock, type BlockOptions, initBlock } from "../block.js";
import { requirePositive, requireShape } from "../check.js";
import { type Initialization, linearInit, normInit, requireInitialization } from "../init.js";
import { byGrid, sinCosPositions } from "../positions.js";
import { replaceTokens, requireVisible, spreadTokens, unnamed } from "../tokens.js";

export interface MaskedDecoderOptions {
  /** Features of the encoder's tokens. */
  readonly width: number;
  /** Features of the decoder's own tokens, a multiple of 4 (default 512). */
  readonly decoderWidth?: number;
  /** Number of blocks (default 8). */
  readonly depth?: number;
  /** Attention heads (default 16); divide `decoderWidth`. */
  readonly heads?: number;
  /** Hidden features of a block's perceptron over its width (default 4). */
  readonly mlpRatio?: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Channels of an image (default 3). */
  readonly channels?: number;
  /** Added to the variance in layer norms (default 1e-6). */
  readonly layerNormEpsilon?: number;
  /** How linear layers start: "xavier" (default, as MAE) or "truncated-normal". */
  readonly initialization?: Initialization;
}

/**
 * MAE's decoder (He et al. 2022): the visible tokens in the decoder's width, a mask token in every other place, fixed
 * sine-cosine positions, blocks, a norm, and a linear layer to the values of each patch. Parameter names and layouts are
 * those of MAE's code: `decoder_embed`, `mask_token`, `decoder_blocks.0`, `decoder_norm`, `decoder_pred`.
 *
 * @returns a module to patches [batch, rows x columns, patch x patch x channels], values ordered row, column, channel
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function maskedDecoder(options: MaskedDecoderOptions): MaskedDecoder {
  const { width, decoderWidth = 512, depth = 8, heads = 16, mlpRatio = 4, patchSize, channels = 3 } = options;
  const { layerNormEpsilon = 1e-6, initialization = "xavier" } = options;
  requireInitialization(initialization);
  requirePositive({ width, decoderWidth, depth, heads, patchSize, channels });
  requireOption(decoderWidth % 4 === 0, "decoderWidth", "a multiple of 4", decoderWidth);
  requireOption(decoderWidth % heads === 0, "heads", `a divisor of decoderWidth ${decoderWidth}`, heads);
  requireOption(mlpRatio > 0 && decoderWidth * mlpRatio >= 1, "mlpRatio", "a number above 0", mlpRatio);
  requireOption(layerNormEpsilon > 0, "layerNormEpsilon", "a number above 0", layerNormEpsilon);
  const block: BlockOptions = {
    width: decoderWidth,
    heads,
    hidden: Math.trunc(decoderWidth * mlpRatio),
    qkvBias: true,
    layerNormEpsilon,
    initialization,
  };
  const names = Array.from({ length: depth }, (_, i) => `decoder_blocks.${i}`);
  const values = patchSize * patchSize * channels;
  const positionTable = byGrid((rows, columns) => sinCosPositions(decoderWidth, rows, columns));

  /** The whole sequence, class-like token first: [batch, 1 + patches, decoderWidth]. */
  const embed = (params: Params, { tokens, visible, grid }: MaskedDecoderInput): tf.Tensor3D => {
    const [rows, columns] = grid;
    const [batch, kept] = visible.shape;
    const embedded = linear(
      tokens,
      param(params, "decoder_embed.weight"),
      param(params, "decoder_embed.bias"),
    ) as tf.Tensor3D;
    const classToken = tf.slice(embedded, [0, 0, 0], [batch, 1, decoderWidth]);
    const seen = spreadTokens(
      tf.slice(embedded, [0, 1, 0], [batch, kept, decoderWidth]),
      visible,
      rows * columns,
    );
    const all = replaceTokens(seen, {
      mask: unnamed(visible, rows * columns),
      token: param(params, "mask_token"),
    });
    const positions = tf.tensor2d(positionTable(rows, columns), [rows * columns, decoderWidth]);
    // The class-like token has no position.
    return addToEach(tf.concat([classToken, all], 1), tf.concat([tf.zeros([1, decoderWidth]), positions]));
  };

  return {
    name: `masked-decoder-${decoderWidth}x${depth}-patch${patchSize}`,
    settings: {
      ...{
        width,
        decoderWidth,
        depth,
        heads,
        mlpRatio,
        patchSize,
        channels,
        layerNormEpsilon,
        initialization,
      },
    },

    init: (rng: RandomStream): Params => ({
      ...linearInit(rng, "decoder_embed", decoderWidth, width, { initialization }),
      mask_token: truncatedNormal(rng.fork("mask_token"), [1, 1, decoderWidth]),
      ...Object.assign({}, ...names.map((name) => initBlock(rng, name, block))),
      ...normInit("decoder_norm", decoderWidth),
      ...linearInit(rng, "decoder_pred", values, decoderWidth, { initialization }),
    }),

    apply(params, input) {
      const [rows, columns] = input.grid;
      requireShape("tokens", input.tokens, [-1, -1, width]);
      requireVisible(input.visible, input.tokens.shape[0], rows * columns);
      requireShape("tokens", input.tokens, [-1, 1 + input.visible.shape[1], width]);
      return tf.tidy(() => {
        let x = tf.tidy(() => embed(params, input));
        for (const name of names) {
          const { output } = applyBlock(params, name, x, block, { dropPath: 0 });
          x.dispose(); // what came before lives on only where the gradient wants it
          x = output;
        }
        const weight = param(params, "decoder_norm.weight");
        const normal = layerNorm(x, weight, param(params, "decoder_norm.bias"), layerNormEpsilon);
        const patches = linear(
          tf.slice(normal, [0, 1, 0], [-1, -1, -1]),
          param(params, "decoder_pred.weight"),
          param(params, "decoder_pred.bias"),
        );
        return patches as tf.Tensor3D;
      });
    },
  };
}
