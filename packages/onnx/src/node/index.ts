export type { FolderOptions } from "../configs.js";
export { exportOnnxFolder, requireNewFolder } from "./export-onnx-folder.js";
