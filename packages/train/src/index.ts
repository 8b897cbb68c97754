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
export type { ClassMethodOptions, ClassTaskOptions } from "./methods/classification.js";
export { colorization } from "./methods/colorization.js";
export { contextEncoder } from "./methods/context-encoder.js";
export { type DeepClusterOptions, deepCluster } from "./methods/deep-cluster.js";
export { type DeepInfoMaxOptions, deepInfoMax } from "./methods/deep-infomax.js";
export { type DinoOptions, dino, dinoRecipe } from "./methods/dino.js";
export { type GmmlRotationOptions, gmmlRotation, gmmlRotationRecipe } from "./methods/gmml-rotation.js";
export { type JigsawPuzzleOptions, jigsawPuzzle } from "./methods/jigsaw.js";
export { type MaeOptions, mae, maeRecipe } from "./methods/mae.js";
export { type MocoV3Options, mocoV3, mocoV3Recipe } from "./methods/moco-v3.js";
export type { PixelDecoderOptions, ReconstructionMethodOptions } from "./methods/reconstruction.js";
export { type RelationalReasoningOptions, relationalReasoning } from "./methods/relational.js";
export {
  type RelativePositionPredictionOptions,
  relativePositionPrediction,
} from "./methods/relative-position.js";
export { type RotationPredictionOptions, rotationPrediction } from "./methods/rotation.js";
export { type SimclrOptions, simclr } from "./methods/simclr.js";
export { type SimmimOptions, simmim, simmimRecipe } from "./methods/simmim.js";
export { type SitOptions, sit } from "./methods/sit.js";
export type { TileMethodOptions } from "./methods/tiles.js";
export { type LarsOptions, lars, type SgdOptions, sgd } from "./momentum.js";
export { describeNotFinite, type NotFiniteReport } from "./not-finite.js";
export {
  type AdamWOptions,
  adamW,
  clip,
  fullDecayRules,
  type GradientClipping,
  gradientNorms,
  layerDecayRules,
  layerScales,
  matrixDecayRules,
  type Optimizer,
  type OptimizerState,
  type OptimizerStep,
  type ParameterGroup,
  weightDecayRules,
} from "./optimizer.js";
export {
  type PlannedLoader,
  type PretrainOptions,
  type PretrainPlan,
  type PretrainSettings,
  pretrain,
  pretrainPlan,
} from "./pretrain.js";
export { type LearningRateShape, type Recipe, sitRecipe } from "./recipe.js";
export {
  type RunRecord,
  requireSameRun,
  type TreatedParameters,
} from "./run-record.js";
export {
  constantSchedule,
  cosineSchedule,
  epochCosineSchedule,
  epochMomentumSchedule,
  type Schedule,
  scaledLearningRate,
  stepDecaySchedule,
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
