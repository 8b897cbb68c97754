import type { RunRecord } from "./run-record.js";
import type { TrainState } from "./step.js";

/** Where a run is when a checkpoint is made. */
export interface CheckpointProgress {
  /** Steps done; the next one is this step, counted from 0. */
  readonly step: number;
  readonly totalSteps: number;
  /** Where the sampler goes on: the epoch, and the batch in it, from 0. */
  readonly epoch: number;
  readonly batch: number;
  /** Steps that were left without an update. */
  readonly skipped: number;
  /** Means of loss and parts over the steps since the last checkpoint; empty where there are none. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What the schedules gave for the last step done. */
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly run: RunRecord;
}

/** Where checkpoints go; `checkpointFolder` of `@sitjs/train/node` writes files. The state is borrowed. */
export interface CheckpointStore {
  /** Called when a run begins or goes on: time to clear away what a killed one has left. */
  open?(): Promise<void>;
  save(state: TrainState, progress: CheckpointProgress): Promise<void>;
}

/** A state to go on from, with the run it belongs to; `loadCheckpoint` of `@sitjs/train/node` gives one. */
export interface Checkpoint {
  /** Belongs to whoever has the checkpoint. */
  readonly state: TrainState;
  readonly run: RunRecord;
}

/** When checkpoints are saved, whichever comes first; always at the end of a run, and when it is stopped. */
export interface CheckpointInterval {
  readonly epochs?: number;
  readonly steps?: number;
  readonly minutes?: number;
}
