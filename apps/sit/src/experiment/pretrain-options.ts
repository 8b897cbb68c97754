import { randomStream } from "@sitjs/core";
import type { GradientClipping, Method, PretrainOptions } from "@sitjs/train";
import type { Settings } from "../settings/settings.js";

/** What `train` makes its first parameters with. */
export const initialStream = (seed: number) => randomStream(seed, "pretrain").fork("init");

/** What the settings say of how it is trained. */
export function pretrainOptions(method: Method, settings: Settings, steps: number): PretrainOptions {
  const { learningRate, finalLearningRate, warmupEpochs, weightDecay, finalWeightDecay, momentum } = settings;
  return {
    steps,
    learningRate,
    finalLearningRate,
    warmupEpochs,
    weightDecay: [weightDecay, finalWeightDecay],
    momentum,
    precision: settings.precision,
    adamW: { betas: [BETA1, settings.beta2], clipping: clippingOf(method, settings) },
  };
}

/** Of the first moment; every paper has this one. */
const BETA1 = 0.9;

/** By parameter or of all together, as the method's paper has it. */
function clippingOf({ recipe }: Method, { clip }: Settings): GradientClipping | undefined {
  if (clip === 0) return undefined;
  const { clipping } = recipe?.adamW ?? {};
  return clipping !== undefined && "global" in clipping ? { global: clip } : { perParameter: clip };
}
