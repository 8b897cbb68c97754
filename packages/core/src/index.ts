export * from "./errors.js";
export { drawBeta, drawGamma } from "./gamma.js";
export { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
export { truncatedNormal, uniformTensor } from "./init.js";
export type * from "./module.js";
export * from "./ops/index.js";
export * from "./params.js";
export { partRecord, partRecords, settingsOf } from "./part-record.js";
export * from "./random.js";
export {
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
  type SafetensorsHeader,
  type SafetensorsInfo,
  type SafetensorsLayout,
  safetensorsLayout,
  writeSafetensors,
} from "./safetensors.js";
export { safetensorsTypes } from "./safetensors-header.js";
export {
  paramsFromSafetensors,
  paramsToSafetensors,
  safetensorsType,
  tensorFromSafetensors,
} from "./tensors.js";
