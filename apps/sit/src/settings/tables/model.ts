import { methodNames } from "../../methods/names.js";
import { choice, type Definition, whole, within } from "../definition.js";

/** The network: what its checkpoints hold. */
export const modelDefinitions = {
  method: {
    group: "model",
    kind: choice(...methodNames),
    help: "how it is pretrained; sit methods tells of each",
  },
  imageSize: { group: "model", kind: whole(), help: "side of the images, pixels" },
  channels: { group: "model", kind: choice(1, 3), help: "1: grey, 3: colour" },
  statistics: {
    group: "model",
    kind: choice("dataset", "imagenet"),
    help: "whose mean and deviation normalise the pixels",
  },
  patchSize: { group: "model", kind: whole(), help: "side of a patch, pixels; divides the image size" },
  width: { group: "model", kind: whole(), help: "features of a token" },
  depth: { group: "model", kind: whole(), help: "number of blocks" },
  heads: { group: "model", kind: whole(), help: "attention heads; divide the width" },
  mlpRatio: { group: "model", kind: within(0.1), help: "hidden features of a block over its width" },
  layerNormEpsilon: {
    group: "model",
    kind: within(1e-14, 1),
    help: "added to the variance in layer norms",
  },
  dropPath: { group: "model", kind: within(0, 0.99), help: "stochastic depth of the last block" },
  positions: {
    group: "model",
    kind: choice("learned", "sincos", "sincos-moco", "relative", "none"),
    help: "position embeddings; relative: a bias on attention, no bias on keys",
  },
  initialization: {
    group: "model",
    kind: choice("truncated-normal", "xavier", "mae", "moco-v3"),
    help: "how layers start: deviation 0.02, by their size (better for narrow networks), or as a paper's code",
  },
  layerScale: {
    group: "model",
    kind: within(0),
    help: "factor that each branch of a block starts with, learned by feature; 0: none",
  },
  headVariant: {
    group: "heads",
    kind: choice("paper", "official"),
    help: "heads as in SiT's paper or in its code",
  },
  reconstructionHidden: { group: "heads", kind: whole(), help: "hidden features of the reconstruction head" },
  projectionHidden: { group: "heads", kind: whole(), help: "hidden features of the head on the class token" },
  projectionOutput: { group: "heads", kind: whole(), help: "features of the embedding that is compared" },
  prototypes: { group: "heads", kind: whole(2), help: "outputs that student and teacher agree on" },
  decoderWidth: { group: "heads", kind: whole(), help: "features of a token in the decoder" },
  decoderDepth: { group: "heads", kind: whole(), help: "blocks of the decoder" },
  decoderHeads: { group: "heads", kind: whole(), help: "attention heads of the decoder; divide its width" },
} as const satisfies Readonly<Record<string, Definition>>;
