export { type ExportOnnxOptions, exportOnnx, type OnnxHead, type OnnxOutput } from "./export-onnx.js";
export type { Pooling } from "./layers.js";
