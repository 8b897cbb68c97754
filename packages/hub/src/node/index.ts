export {
  type FoundPretrained,
  findPretrained,
  type PretrainedOptions,
  type WeightFileOptions,
} from "./find-pretrained.js";
export { fromPretrained, type PretrainedModel } from "./from-pretrained.js";
export type { HubOptions } from "./hub-file.js";
export { type OpenTorch, type OpenTorchOptions, openTorch } from "./open-torch.js";
export { importWeightsFile, openWeights } from "./open-weights.js";
export { type ModelToSave, savePretrained } from "./save-pretrained.js";
