import { listCheckpoints, loadCheckpoint } from "@sitjs/train/node";
import type { CommandContext } from "../command-line/run-command.js";
import { type CheckpointSettings, type FoundCheckpoint, findCheckpoint } from "../experiment/checkpoint.js";
import type { TrainingHooks } from "../experiment/training-options.js";
import { savedFiles, type TrainingFiles, type TrainingFilesOptions } from "./training-files.js";

export interface SavedTrainingOptions extends Pick<TrainingFilesOptions, "lock" | "board"> {
  /** What the training is built again from; written into its checkpoints. */
  readonly saved: CheckpointSettings;
  /** Put before what is told. */
  readonly label: string;
  readonly context: Pick<CommandContext, "console" | "saving">;
  /** Throws where the training that was begun here is another one. */
  requireSame?(found: FoundCheckpoint): void;
}

/** How a part of an experiment trains, is saved in `folder` while it does, and goes on there if it was stopped. */
export async function savedTraining(
  folder: string,
  options: SavedTrainingOptions,
): Promise<TrainingFiles & Pick<TrainingHooks, "resume">> {
  const { saved, label, lock, board, context, requireSame } = options;
  const { report } = context.console;
  const found =
    (await listCheckpoints(folder)).length > 0 ? await findCheckpoint(folder, "--out", report) : undefined;
  if (found !== undefined) requireSame?.(found);
  const resume = found && (await loadCheckpoint(found.named, { onDamaged: found.onDamaged }));
  if (found && resume) {
    const text = `${label}going on after step ${resume.info.step} of ${found.info.totalSteps}`;
    report({ event: "note", text });
  }
  const files = await savedFiles(folder, saved, {
    resumedAt: resume?.info.step,
    lock,
    board,
    report,
    saving: context.saving,
  });
  return { ...files, resume };
}
