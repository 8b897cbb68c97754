import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { cutEventFiles, type EventFile, type EventValues, openEventFile } from "@sitjs/train/node";
import type { StepRecord } from "../experiment/learning-curve.js";
import type { ReconstructionPictures } from "../experiment/pictures.js";
import type { Reporter } from "../experiment/reporter.js";
import type { WatchRecord } from "../experiment/watching/record.js";
import { runFiles } from "./files.js";

/** What a run writes to be looked at while it goes on: TensorBoard's event file, and pictures. */
export interface Board {
  step(record: StepRecord): void;
  look(record: WatchRecord): void;
  pictures(step: number, epoch: number, rows: readonly ReconstructionPictures[]): Promise<void>;
  flush(): void;
  close(): void;
}

export interface BoardOptions {
  readonly tensorboard: boolean;
  /** Markdown for TensorBoard's texts. */
  readonly settings: string;
  /** By step, from 0. */
  readonly schedules?: { weightDecay(step: number): number; momentum?(step: number): number } | undefined;
  readonly resumedAt?: number | undefined;
  readonly report: Reporter;
}

/** The picture of an epoch: `epoch-0002.png`. */
export const pictureName = (epoch: number) => `epoch-${String(Math.ceil(epoch)).padStart(4, "0")}.png`;

/**
 * What cannot be written is warned of once and then left: a run is not ended for a picture of it.
 * @param folder there
 */
export async function openBoard(folder: string, options: BoardOptions): Promise<Board> {
  const { tensorboard, settings, schedules, resumedAt, report } = options;
  let events: EventFile | undefined;
  let failed = false;
  const fail = (error: unknown) => {
    if (!SitError.isInstance(error)) throw error;
    if (!failed) report({ event: "warning", text: `${error.message}: the run goes on without it` });
    failed = true;
    events = undefined;
  };
  const attempt = (work: (file: EventFile) => void) => {
    try {
      if (events !== undefined) work(events);
    } catch (error) {
      fail(error);
    }
  };
  const write = (step: number, values: EventValues) => attempt((file) => file.write(step, values));
  try {
    if (resumedAt !== undefined) await cutEventFiles(folder, resumedAt);
    if (tensorboard) events = await openEventFile(folder, { resumedAt });
  } catch (error) {
    fail(error);
  }
  if (resumedAt === undefined) write(0, { texts: { settings } });
  return {
    step({ step, metrics, learningRate, imagesPerSecond, gradientNorm }) {
      const parts = Object.entries(metrics).map(([name, value]) => [
        name === "loss" ? name : `loss/${name}`,
        value,
      ]);
      write(step + 1, {
        scalars: {
          ...Object.fromEntries(parts),
          "schedule/learning rate": learningRate,
          ...(schedules && { "schedule/weight decay": schedules.weightDecay(step) }),
          ...(schedules?.momentum && { "schedule/momentum": schedules.momentum(step) }),
          "gradient norm": gradientNorm,
          "images per second": imagesPerSecond,
        },
      });
    },
    look({ step, knn, deviation, effectiveRank, rank }) {
      write(step, {
        scalars: {
          ...(knn !== undefined && { "watching/k-NN accuracy": knn }),
          "watching/deviation": deviation,
          "watching/effective rank": effectiveRank,
          "watching/rank": rank,
        },
      });
    },
    async pictures(step, epoch, rows) {
      const { stripPng } = await import("../output/grid.js");
      const { png, width, height } = await stripPng(rows);
      write(step, { images: { reconstructions: { png, width, height } } });
      try {
        const path = join(folder, runFiles.pictures);
        await mkdir(path, { recursive: true });
        await writeFileAtomically(join(path, pictureName(epoch)), png);
      } catch (cause) {
        fail(SitError.isInstance(cause) ? cause : new SitError("disk", (cause as Error).message, { cause }));
      }
    },
    flush: () => attempt((file) => file.flush()),
    close: () => attempt((file) => file.close()),
  };
}
