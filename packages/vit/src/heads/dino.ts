import {
  l2Normalize,
  linear,
  linearGelu,
  type Params,
  param,
  type RandomStream,
  requireOption,
  sumRows,
  type TokenHead,
  uniformTensor,
  withGradient,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { type Initialization, linearInit, requireInitialization } from "../init.js";

export interface DinoHeadOptions {
  /** Features of a token. */
  readonly width: number;
  /** Features of the hidden layers (default 2048). */
  readonly hidden?: number;
  /** Features of the layer before the last, which are scaled to length 1 (default 256). */
  readonly bottleneck?: number;
  /** Prototypes: logits of an image (default 65536). */
  readonly output?: number;
  /** Linear layers before the prototypes, at least 2 (default 3). */
  readonly layers?: number;
  /**
   * Every prototype has length 1 (default true): `last_layer.weight_g` is then no parameter of the head; where there is
   * one, such as a loaded checkpoint's, it is used all the same. Otherwise it is a parameter and starts at 1.
   */
  readonly unitPrototypes?: boolean;
  /** How the linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks. */
  readonly initialization?: Initialization;
}

/**
 * From the class-like token to DINO's logits (Caron et al. 2021): linear layers with GELU between them, the result
 * scaled to length 1, then a product with weight-normalised prototypes (Salimans and Kingma 2016), of which
 * `last_layer.weight_v` [output, bottleneck] is the direction and `last_layer.weight_g` [output, 1] the length.
 * Parameters `mlp.0`, `mlp.2`, … and `last_layer` as in DINO's code.
 *
 * @returns a head from tokens [batch, width] to logits [batch, output]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function dinoHead(options: DinoHeadOptions): TokenHead {
  const { width, hidden = 2048, bottleneck = 256, output = 65536, layers = 3 } = options;
  const { unitPrototypes = true, initialization = "truncated-normal" } = options;
  requireInitialization(initialization);
  requirePositive({ width, hidden, bottleneck, output, layers });
  requireOption(layers >= 2, "layers", "at least 2", layers);
  requireOption(typeof unitPrototypes === "boolean", "unitPrototypes", "true or false", unitPrototypes);
  const names = Array.from({ length: layers }, (_, i) => `mlp.${2 * i}`);

  /** [output]: what turns the product with `weight_v` into the product with prototypes of the wanted lengths. */
  const scales = (params: Params, directions: tf.Tensor2D): tf.Tensor1D => {
    const length = tf.sqrt(tf.sum(tf.square(directions), 1)) as tf.Tensor1D;
    const wanted = params["last_layer.weight_g"];
    if (wanted === undefined && unitPrototypes) return tf.div(1, length);
    const given = param(params, "last_layer.weight_g");
    requireShape("last_layer.weight_g", given, [output, 1]);
    return tf.div(tf.reshape(given, [output]), length);
  };

  return {
    name: "dino",
    settings: { width, hidden, bottleneck, output, layers, unitPrototypes, initialization },

    init: (rng: RandomStream): Params => ({
      ...Object.assign(
        {},
        ...names.map((name, i) =>
          linearInit(rng, name, i === layers - 1 ? bottleneck : hidden, i === 0 ? width : hidden, {
            initialization,
          }),
        ),
      ),
      "last_layer.weight_v": uniformTensor(
        rng.fork("last_layer.weight_v"),
        [output, bottleneck],
        1 / Math.sqrt(bottleneck),
      ),
      ...(unitPrototypes ? {} : { "last_layer.weight_g": tf.ones([output, 1]) }),
    }),

    apply(params, tokens) {
      requireShape("tokens", tokens, [-1, width]);
      const logits = tf.tidy(() => {
        let x: tf.Tensor = tokens;
        for (const [i, name] of names.entries()) {
          const layer = i === layers - 1 ? linear : linearGelu;
          x = layer(x, param(params, `${name}.weight`), param(params, `${name}.bias`));
        }
        const directions = param<tf.Tensor2D>(params, "last_layer.weight_v");
        requireShape("last_layer.weight_v", directions, [output, bottleneck]);
        const products = linear(l2Normalize(x as tf.Tensor2D), directions) as tf.Tensor2D;
        return scaleColumns(products, scales(params, directions));
      });
      return { output: logits, buffers: {} };
    },
  };
}

/**
 * `x` [rows, columns] times `scale` [columns]. The prototypes outnumber the samples many times over: it is cheaper to
 * scale the products than the prototypes. Column sums of the gradient are a product with ones, see `sumRows`.
 */
function scaleColumns(x: tf.Tensor2D, scale: tf.Tensor1D): tf.Tensor2D {
  return withGradient<tf.Tensor2D>(
    [x, scale],
    () => ({ value: tf.mul(x, scale) as tf.Tensor2D, save: [x, scale] }),
    (dy, [savedX, savedScale]) => [
      tf.mul(dy, savedScale as tf.Tensor),
      sumRows(tf.mul(dy, savedX as tf.Tensor) as tf.Tensor2D),
    ],
  );
}
