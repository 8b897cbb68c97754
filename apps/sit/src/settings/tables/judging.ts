import { choice, type Definition, whole, within } from "../definition.js";

/** How a pretrained network is judged. */
export const judgingDefinitions = {
  finetuneSteps: {
    group: "fine-tuning",
    kind: whole(0),
    help: "steps of fine-tuning; 0: as many as the epochs say",
  },
  finetuneEpochs: {
    group: "fine-tuning",
    kind: whole(),
    help: "epochs of fine-tuning, where steps are not given",
  },
  finetuneBatchSize: { group: "fine-tuning", kind: whole(), help: "labelled images in a step" },
  finetuneLearningRate: {
    group: "fine-tuning",
    kind: within(0),
    help: "peak learning rate for a batch of 256, scaled to the batch",
  },
  finetuneWeightDecay: { group: "fine-tuning", kind: within(0), help: "weight decay" },
  finetuneCropScale: {
    group: "fine-tuning",
    kind: within(0.01, 1),
    help: "smallest share of the area a crop keeps",
  },
  layerDecay: {
    group: "fine-tuning",
    kind: within(0.01, 1),
    help: "learning rate of a block over the next; from scratch always 1",
  },
  labelSmoothing: { group: "fine-tuning", kind: within(0, 0.99), help: "share of a target spread evenly" },
  classifier: {
    group: "fine-tuning",
    kind: choice("linear", "two-layer"),
    help: "linear on the token, or two layers on the token and the mean of the patches",
  },
  neighbours: { group: "neighbours", kind: whole(), help: "neighbours that vote in k-NN" },
  weights: {
    group: "weights",
    kind: choice("student", "teacher"),
    help: "which of the pretrained networks is used",
  },
} as const satisfies Readonly<Record<string, Definition>>;
