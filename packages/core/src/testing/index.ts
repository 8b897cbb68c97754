export { type BackboneCheckOptions, backboneChecks } from "./backbone-checks.js";
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
export { type MethodCheckOptions, methodChecks } from "./method-checks.js";
export type { RunOptions as MethodRunOptions, TestedMethod } from "./method-run.js";
export { type ModuleCheckOptions, moduleChecks, type TestedModule } from "./module-checks.js";
export { type SettingsCheckOptions, settingsChecks, type TestedPart } from "./settings-checks.js";
export {
  type TestedImage,
  type TestedTransform,
  type TransformCheckOptions,
  transformChecks,
} from "./transform-checks.js";
