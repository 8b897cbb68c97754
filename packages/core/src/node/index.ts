export { type StagedFolder, stageFolder } from "./stage-folder.js";
export { writeFileAtomically } from "./write-file.js";
