export { type OpenSafetensors, openSafetensors } from "./open-safetensors.js";
export { type OpenFile, openFile } from "./read-file.js";
export { type StagedFolder, stageFolder } from "./stage-folder.js";
export { writeFileAtomically } from "./write-file.js";
