import { type Backbone, disposeParams } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import type { TrainState } from "@sitjs/train";
import { pretrainingCost } from "./costs.js";
import {
  type FinetuningResult,
  finetuneTotalSteps,
  finetuning,
  type NeighbourResult,
  neighbours,
} from "./evaluation.js";
import type { LoaderContext } from "./loaders.js";
import type { Reporter } from "./reporter.js";
import { TRAINING_COST } from "./time-left.js";
import { chosenBackbone } from "./trained.js";

/** A classifier's accuracy and cost, without its parameters. */
export type TuningResult = Omit<FinetuningResult, "params">;

/** What an experiment measures of a network. */
export interface Measures {
  /** k-NN by `train`, whose labels nothing has learned from. */
  judge(name: string, state: TrainState, train: ImageDataset): Promise<NeighbourResult>;
  /** A classifier trained on `train`: from the network of `state`, or from random parameters where there is none. */
  tune(name: string, state: TrainState | undefined, train: ImageDataset): Promise<TuningResult>;
}

/** Measures always taken in the same way, on the same test images. */
export function measures(of: {
  readonly backbone: Backbone;
  /** The same network as it is fine-tuned, with its own drop path. */
  readonly tuned: Backbone;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly report: Reporter;
  readonly signal?: AbortSignal | undefined;
}): Measures {
  const { weights } = of.context.settings;
  return {
    judge: async (name, state, train) =>
      await neighbours({ ...of, name, params: chosenBackbone(state, weights), train }),
    async tune(name, state, train) {
      const { params, ...numbers } = await finetuning({
        ...of,
        backbone: of.tuned,
        name,
        start: state === undefined ? "scratch" : "pretrained",
        pretrained: state && chosenBackbone(state, weights),
        train,
      });
      disposeParams(params);
      return numbers;
    },
  };
}

/** What the parts of an experiment cost, in images through the network once forward. */
export const costs = {
  judging: (train: ImageDataset, test: ImageDataset) => train.length + test.length,

  tuning(train: ImageDataset, test: ImageDataset, { settings }: LoaderContext): number {
    const batch = Math.min(settings.finetuneBatchSize, train.length);
    const steps = finetuneTotalSteps(settings, { stepsPerEpoch: Math.floor(train.length / batch) });
    return TRAINING_COST * steps * batch + test.length;
  },

  pretraining: pretrainingCost,
};
