import { linear, linearGelu, type Params, param, type RandomStream, type TokenHead } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { type Initialization, linearInit, requireInitialization } from "../init.js";

export interface PerceptronHeadOptions {
  /** Features that go in: of a token, or of several side by side. */
  readonly width: number;
  /** Features of the hidden layers, with GELU after each (default none: one linear layer). */
  readonly hidden?: readonly number[];
  /** Features that come out, such as the classes of a pretext task. */
  readonly output: number;
  /** How the linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks. */
  readonly initialization?: Initialization;
}

/**
 * Linear layers with GELU between them, without any normalisation: the head of pretext tasks. Parameters `0.weight`,
 * `0.bias`, `1.weight`, …
 *
 * @returns a head from [batch, width] to [batch, output]
 * @throws SitError "bad-option" here; "bad-shape" from `apply`
 */
export function perceptronHead(options: PerceptronHeadOptions): TokenHead {
  const { width, hidden = [], output, initialization = "truncated-normal" } = options;
  requireInitialization(initialization);
  requirePositive({ width, output });
  for (const features of hidden) requirePositive({ hidden: features });
  const sizes = [width, ...hidden, output];
  const layers = sizes.slice(1).map((to, i) => ({ name: String(i), from: sizes[i] as number, to }));
  return {
    name: "perceptron",
    settings: { width, hidden: [...hidden], output, initialization },

    init: (rng: RandomStream): Params =>
      Object.assign(
        {},
        ...layers.map(({ name, from, to }) => linearInit(rng, name, to, from, { initialization })),
      ),

    apply(params, x) {
      requireShape("x", x, [-1, width]);
      const output = tf.tidy(() =>
        layers.reduce<tf.Tensor>((features, { name }, i) => {
          const layer = i === layers.length - 1 ? linear : linearGelu;
          return layer(features, param(params, `${name}.weight`), param(params, `${name}.bias`));
        }, x),
      );
      return { output: output as tf.Tensor2D, buffers: {} };
    },
  };
}
