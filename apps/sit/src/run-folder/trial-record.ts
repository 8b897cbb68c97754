import type { DataRecord } from "../experiment/data-record.js";
import type { TrialResult } from "../experiment/trial.js";
import type { ComparedName } from "../settings/compared.js";
import type { Settings } from "../settings/settings.js";

/** What decides the outcome of a trial. */
export interface TrialSetup {
  /** Its folder in that of all trials. */
  readonly folder: string;
  readonly method: ComparedName;
  readonly seed: number;
  readonly preset: string;
  readonly settings: Settings;
  readonly labelsPerClass: readonly number[];
  readonly data: DataRecord;
  readonly customParts: readonly string[];
}

/** A trial that is done, as its file has it. */
export interface TrialRecord extends TrialSetup {
  readonly date: string;
  /** Other engines round otherwise. */
  readonly computedBy: string;
  readonly peakMemoryMB: number;
  /** Of the whole trial, in all its parts. */
  readonly seconds: number;
  /** Images to pretrain on, and to test with. */
  readonly images: number;
  readonly testImages: number;
  readonly result: TrialResult;
}
