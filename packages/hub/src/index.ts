export { averageNormHead } from "./average-norm-head.js";
export type { PretrainedConfig, SavedHead } from "./config.js";
export { huggingFaceConfig, type NamedClasses } from "./hugging-face-config.js";
export { evaluationPreprocessing, formatPreprocessing, type Preprocessing } from "./preprocessing.js";
export { PickleGlobal, PickleRecord, PickleUnknown, type PickleValue } from "./torch/pickle-value.js";
export { type TorchStorage, TorchTensor, type TorchValue } from "./torch/tensor.js";
export {
  type ArchitectureOptions,
  type FoundArchitecture,
  inferArchitecture,
} from "./weights/architecture.js";
export {
  type ImportedHead,
  type ImportedWeights,
  type ImportOptions,
  importWeights,
} from "./weights/import-weights.js";
export { type WeightOrigin, weightOrigins } from "./weights/origins.js";
export { describeImport, type ImportReport } from "./weights/report.js";
export { type WeightSource, weightsInMemory } from "./weights/source.js";
export { toTimm } from "./weights/to-timm.js";
