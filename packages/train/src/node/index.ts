export { type CheckpointInfo, checkpointFolder, loadCheckpoint } from "./checkpoints.js";
