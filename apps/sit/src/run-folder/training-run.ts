import type { CommandContext } from "../command-line/run-command.js";
import type { CheckpointSettings, FoundCheckpoint, ResumableCommand } from "../experiment/checkpoint.js";
import type { TrainingHooks } from "../experiment/training-options.js";
import type { RunLock } from "./lock.js";
import { resumeCommand } from "./resume.js";
import { savedFiles, type TrainingFilesOptions } from "./training-files.js";

/** Tells of a run that has nothing left to do. */
export function tellComplete(
  { console }: Pick<CommandContext, "console">,
  { saved: { command }, info: { totalSteps } }: FoundCheckpoint,
  out: string,
): void {
  console.result({ command, out, complete: true, steps: totalSteps }, [
    `${out}: the run is complete, all ${totalSteps} steps are done; nothing was changed`,
  ]);
}

export interface TrainingRunOptions {
  readonly out: string;
  readonly lock: RunLock;
  /** What the run is built again from; written into its checkpoints. */
  readonly saved: CheckpointSettings & { readonly command: ResumableCommand };
  /** The checkpoint to go on from. */
  readonly resume: TrainingHooks["resume"];
  /** What is written to be looked at; default: nothing. */
  readonly board?: TrainingFilesOptions["board"];
}

/**
 * Has a command's training written into the run's folder `out`, waited for where it is stopped, and its last checkpoint
 * told then.
 *
 * @throws SitError "disk" or "bad-file" where the history of a run that goes on cannot be read and cut
 */
export async function trainingRun(
  { console, signal, saving, onStop }: CommandContext,
  { out, lock, saved, resume, board }: TrainingRunOptions,
): Promise<TrainingHooks> {
  const files = await savedFiles(out, saved, {
    resumedAt: resume?.state.step,
    lock,
    board,
    report: console.report,
    saving,
  });
  onStop(async () => ({ ...(await files.saved()), resume: resumeCommand(saved.command, out) }));
  return { ...files, resume, signal, folder: out };
}
