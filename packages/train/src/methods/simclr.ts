import {
  type Backbone,
  type ContrastLoss,
  type Params,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { withoutTeacher } from "../recipe.js";
import { mocoV3Recipe } from "./moco-v3.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone } from "./tokens.js";

export interface SimclrOptions {
  backbone: Backbone;
  /** From the class token to the embedding that is compared, for example `projectionHead({ layers: 2, output: 128 })`. */
  head: TokenHead;
  /** Compares all embeddings of a batch with each other: `ntXent({ temperature })`. */
  loss: ContrastLoss;
}

const HEAD = "head.";

/**
 * SimCLR (Chen, Kornblith, Norouzi, Hinton 2020) on a vision transformer.
 *
 * Both views go through one network, and each embedding looks for the one of the same image among those of all other
 * views of the batch. No teacher; batch norm of the head spans both views, as in the paper's code.
 *
 * SimCLR's paper trains a ResNet by LARS at batch 4096. The recipe is the one of MoCo v3, whose authors train SimCLR on
 * vision transformers too, by AdamW.
 *
 * Parameters: "backbone." and "head.". Draws drop path alone.
 */
export function simclr({ backbone, head, loss }: SimclrOptions): Method {
  return {
    name: "simclr",
    backbone,
    backbonePrefix: BACKBONE,
    views: 2,
    recipe: { ...mocoV3Recipe, ...withoutTeacher },
    settings: headAndLoss({ head, loss }),

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(HEAD, head.init(rng.fork("head"))),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const images = tf.concat4d([...views], 0); // [view 1; view 2]

      const lossOf = (student: Params): MethodLoss => {
        const tokens = encode(backbone, student, images, { train: true, rng: rng.fork("drop path") });
        const { output, buffers } = head.apply(withoutPrefix(HEAD, student), classToken(tokens), {
          train: true,
        });
        return { loss: loss.loss(output, output), parts: {}, buffers: withPrefix(HEAD, buffers) };
      };
      return { loss: lossOf, teacherBuffers: {} };
    },
  };
}
