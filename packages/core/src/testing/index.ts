export { type Check, runChecks } from "./check.js";
export { type Closeness, closeness, compareTo } from "./closeness.js";
export { type CorruptionCheckOptions, corruptionChecks } from "./corruption-checks.js";
export { type GradientCheck, gradientError } from "./gradients.js";
export { leakedTensors } from "./leaks.js";
export {
  type ContrastLossCheckOptions,
  contrastLossChecks,
  type LossCheckOptions,
  lossChecks,
  type ReconstructionLossCheckOptions,
  reconstructionLossChecks,
} from "./loss-checks.js";
