import {
  type ClassifierHead,
  linear,
  linearGelu,
  type Params,
  param,
  type RandomStream,
  requireOption,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { linearInit } from "../init.js";

export interface ClassifierHeadOptions {
  /** "linear" (default): one layer; "two-layer", as SiT fine-tunes: width, GELU, classes. */
  readonly kind?: "linear" | "two-layer";
  /**
   * What it sees: the class-like token, the mean of the patch tokens, or both joined (default "token" for linear,
   * "token+mean" for two-layer).
   */
  readonly input?: "token" | "mean" | "token+mean";
  /** Features of a token. */
  readonly width: number;
  readonly classes: number;
}

/**
 * The options checked, with the defaults in their places.
 * @throws SitError "bad-option"
 */
export function completeClassifierOptions(options: ClassifierHeadOptions): Required<ClassifierHeadOptions> {
  const { kind = "linear", width, classes } = options;
  requireOption(kind === "linear" || kind === "two-layer", "kind", '"linear" or "two-layer"', kind);
  const { input = kind === "linear" ? "token" : "token+mean" } = options;
  const inputs = ["token", "mean", "token+mean"];
  requireOption(inputs.includes(input), "input", inputs.map((name) => `"${name}"`).join(", "), input);
  requirePositive({ width, classes });
  return { kind, input, width, classes };
}

/**
 * From the backbone's tokens to class logits. Parameters `weight` and `bias`, or `0.weight`, `0.bias`, `2.weight`
 * and `2.bias`: with the prefix `head.` they are timm's and SiT's.
 *
 * @returns a head from tokens [batch, 1 + patches, width] to logits [batch, classes]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function classifierHead(options: ClassifierHeadOptions): ClassifierHead {
  const { kind, input, width, classes } = completeClassifierOptions(options);
  const features = input === "token+mean" ? 2 * width : width;

  const pool = (tokens: tf.Tensor3D): tf.Tensor2D => {
    const [batch, count] = tokens.shape;
    const parts: tf.Tensor2D[] = [];
    if (input !== "mean") {
      parts.push(tf.reshape(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width]));
    }
    if (input !== "token") parts.push(tf.mean(tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]), 1));
    return tf.concat(parts, 1);
  };

  return {
    name: `classifier-${kind}`,
    classes,
    settings: { kind, input, width, classes },

    init: (rng: RandomStream): Params =>
      kind === "linear"
        ? linearInit(rng, "", classes, features)
        : { ...linearInit(rng, "0", width, features), ...linearInit(rng, "2", classes, width) },

    apply(params, tokens) {
      requireShape("tokens", tokens, [-1, -1, width]);
      const output = tf.tidy(() => {
        const pooled = pool(tokens);
        if (kind === "linear") return linear(pooled, param(params, "weight"), param(params, "bias"));
        const hidden = linearGelu(pooled, param(params, "0.weight"), param(params, "0.bias"));
        return linear(hidden, param(params, "2.weight"), param(params, "2.bias"));
      }) as tf.Tensor2D;
      return { output, buffers: {} };
    },
  };
}
