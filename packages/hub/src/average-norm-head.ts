import {
  type ClassifierHead,
  layerNorm,
  linear,
  param,
  requireOption,
  SitError,
  truncatedNormal,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * The classifier of timm's `global_pool="avg"` and of MAE's fine-tuning: the mean of the patch tokens, then a layer norm
 * (`norm.weight`, `norm.bias`; timm's `fc_norm`), then a linear layer (`weight`, `bias`). Its tokens are those of the last
 * block, before the backbone's norm: `blocks.at(-1)` of an `apply` with `blocks: true`.
 *
 * @returns a head from tokens [batch, 1 + patches, width] to logits [batch, classes]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function averageNormHead(options: {
  readonly width: number;
  readonly classes: number;
  /** Added to the variance (default 1e-6). */
  readonly layerNormEpsilon?: number;
}): ClassifierHead {
  const { width, classes, layerNormEpsilon = 1e-6 } = options;
  for (const [name, value] of Object.entries({ width, classes })) {
    requireOption(Number.isInteger(value) && value > 0, name, "a whole number above 0", value);
  }
  requireOption(layerNormEpsilon > 0, "layerNormEpsilon", "a number above 0", layerNormEpsilon);
  return {
    name: "classifier-average-norm",
    classes,
    settings: { width, classes, layerNormEpsilon },
    init: (rng) => ({
      "norm.weight": tf.ones([width]),
      "norm.bias": tf.zeros([width]),
      weight: truncatedNormal(rng.fork("weight"), [classes, width]),
      bias: tf.zeros([classes]),
    }),
    apply(params, tokens) {
      const [, count, features] = tokens.shape;
      if (features !== width || count < 2) {
        throw new SitError(
          "bad-shape",
          `tokens: expected [batch, 1 + patches, ${width}], got [${tokens.shape.join(", ")}]`,
        );
      }
      const output = tf.tidy(() => {
        const mean = tf.mean(tf.slice(tokens, [0, 1, 0], [-1, -1, -1]), 1);
        const [scale, shift] = [param(params, "norm.weight"), param(params, "norm.bias")];
        const pooled = layerNorm(mean, scale, shift, layerNormEpsilon) as tf.Tensor2D;
        return linear(pooled, param(params, "weight"), param(params, "bias")) as tf.Tensor2D;
      });
      return { output, buffers: {} };
    },
  };
}
