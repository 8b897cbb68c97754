export {
  type BatchSource,
  type Duration,
  durationInSteps,
  type ImageBatch,
  type ViewPixels,
} from "./loader.js";
export type { Method, MethodLoss, PreparedStep, Reconstruction } from "./method.js";
export { type SitOptions, sit } from "./methods/sit.js";
export {
  type AdamWOptions,
  adamW,
  clip,
  type GradientClipping,
  layerDecayRules,
  layerScales,
  matrixDecayRules,
  type Optimizer,
  type OptimizerState,
  type OptimizerStep,
  type ParameterGroup,
} from "./optimizer.js";
export {
  type CheckpointStore,
  type PretrainOptions,
  type PretrainSettings,
  pretrain,
  type StepReport,
} from "./pretrain.js";
export {
  constantSchedule,
  cosineSchedule,
  epochCosineSchedule,
  epochMomentumSchedule,
  type Schedule,
  scaledLearningRate,
} from "./schedules.js";
export {
  disposeState,
  initState,
  lossAndGradients,
  replaced,
  type StepResult,
  type StepSettings,
  type TrainState,
  trainStep,
} from "./step.js";
export { momentumUpdate } from "./teacher.js";
