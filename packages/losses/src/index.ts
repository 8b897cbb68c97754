export {
  type ContrastOptions,
  crossViewNtXent,
  crossViewNtXentLoss,
  ntXent,
  ntXentLoss,
} from "./contrastive.js";
export {
  type ClassificationLoss,
  type CrossEntropyOptions,
  crossEntropy,
  softmaxCrossEntropy,
} from "./cross-entropy.js";
export { l1Loss, l2Loss, maskedL1, maskedL2, type ReconstructionLossOptions } from "./reconstruction.js";
