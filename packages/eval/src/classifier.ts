import {
  type ApplyContext,
  type Backbone,
  type ClassifierHead,
  type HeadOutputs,
  type Params,
  type RandomStream,
  tidy,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";
import { adopt } from "./adopt.js";

/** A backbone with a classifier on its tokens. Parameters: `backbone.*` and `classifier.*`. */
export interface Classifier {
  readonly backbone: Backbone;
  readonly head: ClassifierHead;
  /** New parameters; the backbone's are taken from `pretrained` where given (copied). */
  init(rng: RandomStream, pretrained?: Params): Params;
  /** Logits [batch, classes] of images [batch, height, width, channels], and the head's new buffers in training. */
  apply(params: Params, images: tf.Tensor4D, context: ApplyContext): HeadOutputs<tf.Tensor2D>;
}

export const CLASSIFIER_PREFIXES = { backbone: "backbone.", head: "classifier." } as const;

/**
 * @throws SitError "bad-parameters" from `init` where `pretrained` lacks a parameter or has another shape
 */
export function classifier(backbone: Backbone, head: ClassifierHead): Classifier {
  return {
    backbone,
    head,
    init(rng, pretrained) {
      const fresh = backbone.init(rng.fork("backbone"));
      return {
        ...withPrefix(CLASSIFIER_PREFIXES.backbone, pretrained ? adopt(fresh, pretrained) : fresh),
        ...withPrefix(CLASSIFIER_PREFIXES.head, head.init(rng.fork("classifier"))),
      };
    },
    apply: (params, images, context) =>
      tidy(() => {
        const { tokens } = backbone.apply(
          withoutPrefix(CLASSIFIER_PREFIXES.backbone, params),
          images,
          context,
        );
        const own = withoutPrefix(CLASSIFIER_PREFIXES.head, params);
        const { output, buffers } = head.apply(own, tokens, context);
        return { output, buffers: withPrefix(CLASSIFIER_PREFIXES.head, buffers) };
      }),
  };
}
