export { type ArchiveOptions, type ArchiveProgress, extractArchive } from "./archive/extract-archive.js";
export { type OpenZip, openZip, type ZipEntry } from "./archive/open-zip.js";
export { besidePath, clearBeside, isBeside } from "./beside.js";
export { downloadFile } from "./download/download-file.js";
export {
  type DownloadFacts,
  type DownloadTextOptions,
  downloadBytes,
  downloadFacts,
  downloadText,
} from "./download/download-text.js";
export type { DownloadOptions, DownloadProgress } from "./download/options.js";
export { makeFolder } from "./flush.js";
export { hashFile } from "./hash-file.js";
export { type LockOptions, withLock } from "./lock.js";
export { type OpenSafetensors, openSafetensors } from "./open-safetensors.js";
export { type OpenFile, openFile } from "./read-file.js";
export { type StagedFolder, type StageOptions, stageFolder } from "./stage-folder.js";
export { type FileContent, writeFileAtomically } from "./write-file.js";
export { type FileOfSet, writeFilesAtomically } from "./write-files.js";
