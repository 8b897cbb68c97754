export { type ChrominanceOptions, chrominanceL2 } from "./chrominance.js";
export {
  type ContrastOptions,
  crossViewNtXent,
  crossViewNtXentLoss,
  infoNce,
  infoNceLoss,
  ntXent,
  ntXentLoss,
} from "./contrastive.js";
export {
  type CrossEntropyOptions,
  crossEntropy,
  softmaxCrossEntropy,
} from "./cross-entropy.js";
export {
  type DinoOptions,
  dinoLoss,
  type TeacherTemperatureOptions,
  teacherTemperatures,
} from "./distillation.js";
export {
  type InfoMaxOptions,
  infoMax,
  jensenShannonLoss,
  type MutualInformationEstimator,
  pairScores,
  scoreInfoNceLoss,
} from "./mutual-information.js";
export {
  normalizePatches,
  type PatchPixelsOptions,
  patchPixels,
  pixelPatches,
} from "./patch-pixels.js";
export { l1Loss, l2Loss, maskedL1, maskedL2, type ReconstructionLossOptions } from "./reconstruction.js";
export {
  binaryFocalLoss,
  type RelationOptions,
  relation,
  relationPairs,
} from "./relation.js";
export {
  type SigmoidCrossEntropyOptions,
  sigmoidCrossEntropy,
  sigmoidCrossEntropyLoss,
} from "./sigmoid-cross-entropy.js";
