export {
  type CheckpointFolderOptions,
  checkpointFolder,
  clearCheckpoints,
  type FoundCheckpoint,
  inspectCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  type ReadOptions,
  type SavedCheckpoint,
} from "./checkpoints.js";
export { type CheckpointInfo, type CheckpointMetric, parseCheckpointInfo } from "./info.js";
export * from "./tensorboard/index.js";
