export { type ChrominanceOptions, chrominanceL2 } from "./chrominance.js";
export {
  type ContrastOptions,
  crossViewNtXent,
  crossViewNtXentLoss,
  infoNce,
  infoNceLoss,
  ntXent,
  ntXentLoss,
  type QueryKeyLoss,
} from "./contrastive.js";
export {
  type ClassificationLoss,
  type CrossEntropyOptions,
  crossEntropy,
  softmaxCrossEntropy,
} from "./cross-entropy.js";
export {
  type DinoOptions,
  type DistillationLoss,
  type DistillationOutputs,
  type DistillationTemperatures,
  dino,
  type TeacherTemperatureOptions,
  teacherTemperatures,
} from "./distillation.js";
export {
  type InfoMaxOptions,
  infoMax,
  jensenShannonLoss,
  type MutualInformationEstimator,
  type MutualInformationLoss,
  pairScores,
  scoreInfoNceLoss,
} from "./mutual-information.js";
export {
  normalizePatches,
  type PatchLoss,
  type PatchPixelsOptions,
  patchPixels,
  pixelPatches,
} from "./patch-pixels.js";
export { l1Loss, l2Loss, maskedL1, maskedL2, type ReconstructionLossOptions } from "./reconstruction.js";
export {
  binaryFocalLoss,
  type PairLoss,
  type RelationOptions,
  type RelationPairs,
  relation,
  relationPairs,
} from "./relation.js";
