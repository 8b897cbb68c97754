export type {
  Checkpoint,
  CheckpointInterval,
  CheckpointProgress,
  CheckpointStore,
} from "./checkpoint.js";
export {
  type BatchSource,
  type Duration,
  durationInSteps,
  type ImageBatch,
  type ViewPixels,
} from "./loader.js";
export type {
  EpochInput,
  Method,
  MethodLoss,
  PreparedStep,
  PrepareInput,
  Reconstruction,
  RunPosition,
} from "./method.js";
export { type DinoOptions, dino, dinoRecipe } from "./methods/dino.js";
export { type SitOptions, sit } from "./methods/sit.js";
export { describeNotFinite, type NotFiniteReport } from "./not-finite.js";
export {
  type AdamWOptions,
  adamW,
  clip,
  type GradientClipping,
  gradientNorms,
  layerDecayRules,
  layerScales,
  matrixDecayRules,
  type Optimizer,
  type OptimizerState,
  type OptimizerStep,
  type ParameterGroup,
} from "./optimizer.js";
export { type PretrainOptions, type PretrainSettings, pretrain } from "./pretrain.js";
export { type LearningRateShape, type Recipe, sitRecipe } from "./recipe.js";
export {
  type RunRecord,
  requireSameRun,
  type SettingDifference,
  settingDifferences,
} from "./run-record.js";
export {
  constantSchedule,
  cosineSchedule,
  epochCosineSchedule,
  epochMomentumSchedule,
  type Schedule,
  scaledLearningRate,
} from "./schedules.js";
export {
  type ApplySettings,
  applyStep,
  type ComputedStep,
  computeStep,
  disposeState,
  disposeStep,
  initState,
  lossAndGradients,
  replaced,
  type StepInput,
  type StepResult,
  type StepSettings,
  type TrainState,
  trainStep,
} from "./step.js";
export { momentumUpdate } from "./teacher.js";
export { type RunOptions, type StepReport, type TrainPlan, train } from "./train.js";
