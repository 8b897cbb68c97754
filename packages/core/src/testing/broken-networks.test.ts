// The checks of backbones and methods catch what they are for.
import { ntXent } from "@sitjs/losses";
import { type Method, simclr } from "@sitjs/train";
import { perceptronHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { left, noticed } from "../../test/noticed.js";
import type { Backbone, BackboneContext, Params } from "../module.js";
import { tidy } from "../ops/backend.js";
import { param, withPrefix } from "../params.js";
import { randomStream } from "../random.js";
import { backboneChecks, methodChecks } from "./index.js";

// Networks are slow in plain JavaScript: on the native engine, where it is, else on wasm.
const [engine] = (await engines()).slice(-1);
beforeAll(() => engine?.use());

const backbone = () => visionTransformer({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 });
const good = backbone();
/** The good one's tokens, changed. */
const tokens = (
  change: (tokens: tf.Tensor3D, images: tf.Tensor4D, params: Params) => tf.Tensor,
): Partial<Backbone> => ({
  apply: (params, images, context) =>
    tidy(() => {
      const made = good.apply(params, images, context);
      return { ...made, tokens: change(made.tokens, images, params) as tf.Tensor3D };
    }),
});
/** The gradient at half of what it is. */
const halved = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy) => tf.mul(dy as tf.Tensor, 0.5),
}));
let calls = 0;

const names = {
  start: "starts with finite parameters, drawn from the stream alone",
  same: "gives the same bits outside of training, without a stream",
  saved: "gives the same bits with parameters that were written to a file and read",
  gradients: "has the gradients that central differences say, for every parameter",
  borrows: "borrows parameters and input, and leaves its outputs alone",
  missing: "refuses to work without a parameter",
  sizes: "says its sizes",
  shape: "gives a token for the image and one for each patch, and no more unless asked",
  blocks: "gives its blocks' outputs when asked, the last one normalised the tokens",
  attention: "gives attention maps that are distributions, or none",
  batch: "treats an image alike whatever the rest of the batch",
  patches: "looks at every patch",
  visible: "sees no other patches than the visible ones, or refuses to be told",
  masked: "puts the token in the place of masked patches, or refuses to be told",
  refuses: "refuses images of other channels, or that patches do not divide",
} as const;

describe("backbone checks", () => {
  noticed(() => backbone(), backboneChecks, {
    "a start that ignores its stream": [{ init: () => good.init(randomStream(7)) }, names.start],
    "tokens that count the calls": [
      tokens((all) => tf.add(all, ++calls * 1e-2)),
      names.same,
      names.saved,
      names.gradients,
      names.blocks,
      names.batch,
      names.visible,
      names.masked,
    ],
    "half the gradient": [tokens((all) => halved(all)), names.gradients],
    "a tensor left behind": [
      {
        apply(params, images, context) {
          left.push(tf.keep(tf.scalar(1)));
          return good.apply(params, images, context);
        },
      },
      names.borrows,
    ],
    "a parameter that is not missed": [
      {
        apply: (params, images, context: BackboneContext) =>
          tidy(() => good.apply({ "norm.bias": tf.zeros([8]), ...params }, images, context)),
      },
      names.missing,
    ],
    "a width that is not true": [{ depth: 0 }, names.sizes, names.blocks, names.attention],
    "no token for the image": [
      tokens((all) => tf.slice(all, [0, 1, 0])),
      names.shape,
      names.blocks,
      names.patches,
      names.visible,
    ],
    "blocks that are not normalised": [
      {
        apply: (params, images, context) =>
          good.apply(params, images, { ...context, blocks: !!context.blocks }),
      },
      names.blocks,
    ],
    "attention before its softmax": [
      {
        apply: (...of) =>
          tidy(() => {
            const made = good.apply(...of);
            return { ...made, attention: made.attention.map((map) => tf.log(map) as tf.Tensor4D) };
          }),
      },
      names.attention,
    ],
    "images mixed with each other": [
      tokens((all) => tf.add(all, tf.mean(all, 0, true))),
      names.blocks,
      names.batch,
    ],
    "patches that it does not see": [
      {
        apply: (params, images, context) =>
          tidy(() => {
            const { imageSize: side, patchSize, channels } = good;
            const seen = tf.slice4d(images, [0, 0, 0, 0], [-1, side - patchSize, -1, -1]);
            const fits = images.shape[1] === side && images.shape[3] === channels;
            return good.apply(params, fits ? tf.concat4d([seen, seen], 1) : images, context);
          }),
      },
      names.patches,
    ],
    "hidden patches that are seen": [
      tokens((all, images) => tf.add(all, tf.reshape(tf.mean(images, [1, 2, 3]), [-1, 1, 1]))),
      names.blocks,
      names.visible,
      names.masked,
    ],
    "a mask that is not looked at": [
      { apply: (params, images, { masked, ...context }) => good.apply(params, images, context) },
      names.masked,
    ],
    "an error of another kind": [
      {
        apply(params, images, context) {
          if (images.shape[3] !== 3) throw new TypeError("bad images");
          return good.apply(params, images, context);
        },
      },
      names.refuses,
    ],
  });
});

describe("method checks", () => {
  const method = (): Method =>
    simclr({ backbone: backbone(), head: perceptronHead({ width: 8, output: 4 }), loss: ntXent() });
  const plain = method();
  type Prepare = Method["prepare"];
  /** The good one's loss of a batch, changed. */
  const losing =
    (
      change: (made: ReturnType<ReturnType<Prepare>["loss"]>, student: Params) => Partial<typeof made>,
    ): Prepare =>
    (input) => {
      const prepared = plain.prepare(input);
      const loss: typeof prepared.loss = (student) => {
        const made = prepared.loss(student);
        return { ...made, ...change(made, student) };
      };
      return { ...prepared, loss };
    };
  /** A method that remembers its calls beside its state. */
  const remembering = (): Partial<Method> => ({
    prepare: losing(({ loss }) => ({ loss: tf.mul(loss, 1 + ++calls * 1e-2) as tf.Scalar })),
  });

  noticed(method, methodChecks, {
    "a start that ignores its stream": [{ init: () => plain.init(randomStream(7)) }, names.start],
    "another prefix than it says": [
      { backbonePrefix: "encoder." },
      "has its backbone's parameters under the prefix that it says",
    ],
    "a teacher of other parameters": [
      { initTeacher: (student) => withPrefix("old.", { weight: param(student, "backbone.cls_token") }) },
      "has a teacher that can follow its student, or none",
      "goes on from a saved state to the same bits",
    ],
    "buffers that are no buffers": [
      { prepare: losing(() => ({ buffers: { "head.0.weight": tf.zeros([4, 8]) } })) },
      "gives a finite loss, and new values of buffers that there are",
    ],
    "a memory beside its state": [
      remembering(),
      "computes a step the same way again",
      names.gradients,
      "goes on from a saved state to the same bits",
    ],
    "half the gradient": [
      { prepare: losing(({ loss }) => ({ loss: halved(loss) as tf.Scalar })) },
      names.gradients,
    ],
    "a tensor kept": [
      {
        prepare(input) {
          left.push(tf.keep(tf.scalar(1)));
          return plain.prepare(input);
        },
      },
      "borrows what it is given, and keeps no tensor",
    ],
    "a picture with a soft mask": [
      {
        reconstruct: (_, images) => {
          const mask = tf.fill([...images.shape.slice(0, 3), 1] as [number, number, number, number], 0.5);
          return { corrupted: tf.clone(images), mask: mask as tf.Tensor4D, reconstruction: tf.clone(images) };
        },
      },
      "shows what it reconstructs, or nothing",
    ],
  });
});
