import { releaseMemory } from "@sitjs/engine";
import type { CheckpointStore, NotFiniteReport } from "@sitjs/train";
import { describeNotFinite } from "@sitjs/train";
import { type CheckpointFolderOptions, checkpointFolder, listCheckpoints } from "@sitjs/train/node";
import type { CommandContext } from "../command-line/run-command.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import type { StepRecord } from "../experiment/learning-curve.js";
import type { ReconstructionPictures } from "../experiment/pictures.js";
import type { Reporter } from "../experiment/reporter.js";
import type { WatchRecord } from "../experiment/watching/record.js";
import { type Board, type BoardOptions, openBoard } from "./board.js";
import { clearRunFolder } from "./files.js";
import { cutHistory, type HistoryFile, openHistory } from "./history.js";
import type { RunLock } from "./lock.js";
import { notFiniteFile } from "./not-finite-file.js";

/** What training writes while it goes on: checkpoints, the history, and batches that were not finite. */
export interface TrainingFiles {
  readonly checkpoints: CheckpointStore;
  /** Steps of the parts of the run before this one. */
  readonly earlier: readonly StepRecord[];
  /** Looks of the parts of the run before this one. */
  readonly earlierLooks: readonly WatchRecord[];
  onStep(record: StepRecord): Promise<void>;
  onWatch(record: WatchRecord): Promise<void>;
  onPictures(step: number, epoch: number, rows: readonly ReconstructionPictures[]): Promise<void>;
  onNotFinite(report: NotFiniteReport): void;
  /** The last checkpoint of the run; undefined where there is none yet. */
  saved(): Promise<SavedPlace | undefined>;
  /** Does the training, and closes the files after it; throws where something could not be written. */
  during<T>(training: () => Promise<T>): Promise<T>;
}

export interface SavedPlace {
  readonly step: number;
  /** The folder of the checkpoint. */
  readonly checkpoint: string;
}

export interface TrainingFilesOptions extends Pick<CheckpointFolderOptions, "settings" | "keep"> {
  /** Steps done, of a run that goes on. A new one takes away what lies in the folder, with its first step. */
  readonly resumedAt?: number | undefined;
  /** Looked at before every checkpoint. */
  readonly lock?: RunLock;
  readonly skipNotFinite: number;
  /** What TensorBoard and pictures are written of; default: neither is. */
  readonly board?: Omit<BoardOptions, "resumedAt" | "report"> | undefined;
  readonly report: Reporter;
}

/** @throws SitError "disk" or "bad-file" where the history of a run that goes on cannot be read and cut */
export async function trainingFiles(folder: string, options: TrainingFilesOptions): Promise<TrainingFiles> {
  const { settings, keep, resumedAt, lock, skipNotFinite, report } = options;
  const store = checkpointFolder(folder, { settings, keep, replace: resumedAt === undefined });
  const notFinite = notFiniteFile(folder, resumedAt ?? 0);
  const earlier = resumedAt === undefined ? { steps: [], looks: [] } : await cutHistory(folder, resumedAt);
  let history: HistoryFile | undefined;
  let board: Board | undefined;
  const begin = async (): Promise<HistoryFile> => {
    if (history === undefined) {
      await lock?.requireHeld();
      if (resumedAt === undefined) await clearRunFolder(folder);
      history = openHistory(folder);
      board = options.board && (await openBoard(folder, { ...options.board, resumedAt, report }));
    }
    return history;
  };
  return {
    earlier: earlier.steps,
    earlierLooks: earlier.looks,
    checkpoints: {
      async save(state, progress) {
        await lock?.requireHeld();
        (await begin()).flush();
        board?.flush();
        await store.save(state, progress);
        releaseMemory();
      },
    },
    async onStep(record) {
      (await begin()).write(record);
      board?.step(record);
      if (record.skipped) await notFinite.written();
    },
    async onWatch(record) {
      (await begin()).writeLook(record);
      board?.look(record);
    },
    async onPictures(step, epoch, rows) {
      await begin();
      await board?.pictures(step, epoch, rows);
    },
    onNotFinite(found) {
      notFinite.add(found);
      if (!found.skipped) return;
      const text = `${describeNotFinite(found)}; left out, ${found.skippedSoFar} of at most ${skipNotFinite}`;
      report({ event: "warning", text });
    },
    async saved() {
      if (history === undefined && resumedAt === undefined) return undefined;
      const [latest] = await listCheckpoints(folder);
      return latest && { step: latest.step, checkpoint: latest.path };
    },
    async during(training) {
      const close = async () => {
        history?.close();
        board?.close();
        await notFinite.written();
      };
      // Here, since a run that has no step left does not come to the training loop.
      await store.open?.();
      let result: Awaited<ReturnType<typeof training>>;
      try {
        result = await training();
      } catch (error) {
        // What has gone wrong first is what the user should hear of.
        await close().catch(() => undefined);
        throw error;
      }
      await close();
      return result;
    },
  };
}

/** The files of a training that `saved` tells of; a command that is stopped waits for them. */
export async function savedFiles(
  folder: string,
  saved: CheckpointSettings,
  {
    saving,
    ...options
  }: Omit<TrainingFilesOptions, "settings" | "keep" | "skipNotFinite"> & Pick<CommandContext, "saving">,
): Promise<TrainingFiles> {
  const { keepCheckpoints, skipNotFinite } = saved.settings;
  const files = await trainingFiles(folder, {
    ...options,
    settings: { ...saved },
    keep: keepCheckpoints,
    skipNotFinite,
  });
  return { ...files, during: (training) => saving(() => files.during(training)) };
}
