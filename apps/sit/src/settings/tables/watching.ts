import { choice, type Definition, whole, within } from "../definition.js";

/** What is looked at while a pretraining runs. Nothing of it changes the result. */
export const watchingDefinitions = {
  watchEvery: {
    group: "watching",
    kind: whole(0),
    help: "epochs between looks at the embeddings, k-NN and collapse, at the least; 0: none",
  },
  watchImages: {
    group: "watching",
    kind: whole(10),
    help: "training images that are looked at, at most; a fifth asks, the others answer",
  },
  watchShare: {
    group: "watching",
    kind: within(0, 1),
    help: "largest share of the run's work that the looks take: they are smaller and fewer in a short run; 1: as asked",
  },
  pictures: {
    group: "watching",
    kind: whole(0),
    help: "how many times in the run reconstructions are drawn; 0: never",
  },
  tensorboard: {
    group: "watching",
    kind: choice("on", "off"),
    help: "whether TensorBoard's event file is written",
  },
} as const satisfies Readonly<Record<string, Definition>>;
