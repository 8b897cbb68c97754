import * as tf from "@tensorflow/tfjs";
import type { Backbone, BackboneContext, BackboneOutputs, Params } from "../module.js";
import { randomStream } from "../random.js";
import { type Check, checksOf, refusal } from "./check.js";
import { closeness } from "./closeness.js";
import { moduleBodies } from "./module-checks.js";
import { type SettingsCheckOptions, settingsBodies } from "./settings-checks.js";
import { allFinite, drawn, shapeText } from "./values.js";

export interface BackboneCheckOptions extends SettingsCheckOptions<Backbone> {
  /** The step of the central differences; default 1e-2. */
  readonly step?: number;
}

const BATCH = 3;
/** Of numbers around 1: what another order of sums may change. */
const ROUNDING = 1e-4;

/**
 * What is asked of every `Backbone`: make it small. What it may refuse, by a `SitError`, is `visible` and `masked` in its
 * context, and it may give no attention maps.
 */
export function backboneChecks(make: () => Backbone, options: BackboneCheckOptions = {}): Check[] {
  const imagesOf = ({ imageSize, channels }: Backbone, name = "images") =>
    drawn<tf.Tensor4D>([BATCH, imageSize, imageSize, channels], name);
  const inference: BackboneContext = { train: false };
  const started = (part: Backbone) => part.init(randomStream(0, "init"));
  const patchesOf = ({ imageSize, patchSize }: Backbone) => (imageSize / patchSize) ** 2;
  const apart = (a: tf.Tensor, b: tf.Tensor) => closeness(a.dataSync(), b.dataSync()).maxAbsolute;
  /** The images with the last patch of each drawn anew. */
  const withOtherPatch = (part: Backbone) => {
    const { imageSize, patchSize } = part;
    const mask = tf.pad(tf.ones([BATCH, patchSize, patchSize, part.channels]), [
      [0, 0],
      [imageSize - patchSize, 0],
      [imageSize - patchSize, 0],
      [0, 0],
    ]);
    return tf.where(tf.cast(mask, "bool"), imagesOf(part, "other"), imagesOf(part)) as tf.Tensor4D;
  };
  /** What it gives, or why it refuses. */
  const attempt = (part: Backbone, params: Params, images: tf.Tensor4D, context: BackboneContext) => {
    let made: BackboneOutputs | undefined;
    const { refused, got } = refusal(() => {
      made = part.apply(params, images, context);
    });
    return { made, refused, got };
  };

  return checksOf(make, {
    ...settingsBodies(make, options),
    ...moduleBodies<Backbone, tf.Tensor4D, BackboneOutputs>({
      ...options,
      input: imagesOf,
      inputs: (images) => [images],
      outputs: ({ tokens }) => ({ tokens }),
    }),

    "says its sizes"(part, ensure) {
      const { width, depth, patchSize, channels, imageSize } = part;
      for (const [name, size] of Object.entries({ width, depth, patchSize, channels, imageSize })) {
        ensure(Number.isSafeInteger(size) && size > 0, `${name}, a whole number above 0`, size);
      }
      ensure(imageSize % patchSize === 0, `an image size that ${patchSize} divides`, imageSize);
    },

    "gives a token for the image and one for each patch, and no more unless asked"(part, ensure) {
      const { tokens, blocks, attention } = part.apply(started(part), imagesOf(part), inference);
      const expected = `[${BATCH}, ${1 + patchesOf(part)}, ${part.width}]`;
      ensure(shapeText(tokens) === expected, `tokens ${expected}`, shapeText(tokens));
      ensure(tokens.dtype === "float32" && allFinite(tokens), "finite float32", tokens.dtype);
      ensure(blocks.length === 0 && attention.length === 0, "neither blocks nor attention", "some");
    },

    "gives its blocks' outputs when asked, the last one normalised the tokens"(part, ensure) {
      const params = started(part);
      const plain = part.apply(params, imagesOf(part), { ...inference, blocks: true });
      const normalized = part.apply(params, imagesOf(part), { ...inference, blocks: "normalized" });
      for (const { tokens, blocks } of [plain, normalized]) {
        ensure(blocks.length === part.depth, `${part.depth} blocks, its depth`, blocks.length);
        const other = blocks.find((block) => shapeText(block) !== shapeText(tokens));
        ensure(other === undefined, `blocks ${shapeText(tokens)}`, other && shapeText(other));
      }
      const distance = apart(normalized.blocks.at(-1) as tf.Tensor, normalized.tokens);
      ensure(distance < ROUNDING, "the tokens as the last normalised block", `${distance} apart`);
    },

    "gives attention maps that are distributions, or none"(part, ensure) {
      const { attention } = part.apply(started(part), imagesOf(part), { ...inference, attention: true });
      const some = attention.length === 0 || attention.length === part.depth;
      ensure(some, `none or ${part.depth} attention maps`, attention.length);
      const tokens = 1 + patchesOf(part);
      for (const map of attention) {
        const { shape } = map;
        const fits = shape[0] === BATCH && shape[2] === tokens && shape[3] === tokens;
        ensure(fits, `[${BATCH}, heads, ${tokens}, ${tokens}]`, shapeText(map));
        const sums = tf.sum(map, -1);
        ensure(apart(sums, tf.onesLike(sums)) < ROUNDING, "rows that sum to 1", "others");
      }
    },

    "treats an image alike whatever the rest of the batch"(part, ensure) {
      const params = started(part);
      const images = imagesOf(part);
      const all = part.apply(params, images, inference).tokens;
      const alone = part.apply(params, tf.slice(images, 1, 1), inference).tokens;
      const distance = apart(tf.slice(all, 1, 1), alone);
      ensure(distance < ROUNDING, "the tokens of an image alone as within a batch", `${distance} apart`);
    },

    "looks at every patch"(part, ensure) {
      const params = started(part);
      const [before, after] = [imagesOf(part), withOtherPatch(part)].map(
        (images) => part.apply(params, images, inference).tokens,
      ) as [tf.Tensor, tf.Tensor];
      const last = [0, patchesOf(part), 0];
      const distance = apart(tf.slice(before, last), tf.slice(after, last));
      ensure(distance > 0, "another last token for another last patch", "the same");
    },

    "sees no other patches than the visible ones, or refuses to be told"(part, ensure) {
      const params = started(part);
      const patches = patchesOf(part);
      const visible = (kept: number) =>
        tf.tile(tf.reshape(tf.range(0, kept, 1, "int32"), [1, kept]), [BATCH, 1]) as tf.Tensor2D;
      const told = (images: tf.Tensor4D, kept: number) =>
        attempt(part, params, images, { ...inference, visible: visible(kept) });
      const { made, refused, got } = told(imagesOf(part), patches - 1);
      ensure(made !== undefined || refused, "tokens or a SitError", got);
      if (made === undefined) return;
      const expected = `[${BATCH}, ${patches}, ${part.width}]`;
      ensure(shapeText(made.tokens) === expected, `tokens ${expected}`, shapeText(made.tokens));
      const other = told(withOtherPatch(part), patches - 1).made as BackboneOutputs;
      ensure(apart(made.tokens, other.tokens) === 0, "tokens that do not know the hidden patch", "others");
      const all = told(imagesOf(part), patches).made as BackboneOutputs;
      const distance = apart(all.tokens, part.apply(params, imagesOf(part), inference).tokens);
      ensure(distance < ROUNDING, "the usual tokens where all are visible", `${distance} apart`);
    },

    "puts the token in the place of masked patches, or refuses to be told"(part, ensure) {
      const params = started(part);
      const last = tf.tensor1d([patchesOf(part) - 1], "int32");
      const mask = tf.tile(tf.oneHot(last, patchesOf(part)), [BATCH, 1]);
      const masked = { mask: tf.cast(mask, "float32") as tf.Tensor2D, token: drawn([part.width], "token") };
      const { made, refused, got } = attempt(part, params, imagesOf(part), { ...inference, masked });
      ensure(made !== undefined || refused, "tokens or a SitError", got);
      if (made === undefined) return;
      const other = part.apply(params, withOtherPatch(part), { ...inference, masked });
      ensure(apart(made.tokens, other.tokens) === 0, "tokens that do not know the masked patch", "others");
      const plain = part.apply(params, imagesOf(part), inference);
      ensure(apart(made.tokens, plain.tokens) > 0, "other tokens than without a mask", "the same");
    },

    "refuses images of other channels, or that patches do not divide"(part, ensure) {
      const params = started(part);
      const { imageSize: side, channels } = part;
      const wrong = [
        [1, side, side, channels + 1],
        ...(part.patchSize > 1 ? [[1, side + 1, side, channels]] : []),
      ];
      for (const shape of wrong) {
        const { refused, got } = attempt(
          part,
          params,
          tf.ones(shape as [number, number, number, number]),
          inference,
        );
        ensure(refused, `a SitError for images [${shape.join(", ")}]`, got);
      }
    },
  });
}
