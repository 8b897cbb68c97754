export * from "./errors.js";
export { truncatedNormal, uniformTensor } from "./init.js";
export type * from "./module.js";
export * from "./ops/index.js";
export * from "./params.js";
export * from "./random.js";
export {
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.js";
export { paramsFromSafetensors, paramsToSafetensors } from "./tensors.js";
