import { appendFileSync, closeSync, fstatSync, fsyncSync, openSync, statSync } from "node:fs";
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { StepRecord } from "../experiment/learning-curve.js";
import type { WatchRecord } from "../experiment/watching/record.js";
import { runFiles } from "./files.js";

/**
 * A line of JSON for each step in `history.jsonl`, and one with `"kind": "watch"` for each look, written while the run goes
 * on: each at once, so that none is lost.
 */
export interface HistoryFile {
  /** Throws `SitError("disk")`, also where somebody has removed the file. */
  write(record: StepRecord): void;
  /** As `write`. */
  writeLook(record: WatchRecord): void;
  /** Waits until all lines are on the disk. */
  flush(): void;
  close(): void;
}

/** How often it is looked at whether the file is still there, in milliseconds. */
const LOOK_EVERY = 1000;

/** Opens the history of a run, to write after what there is. */
export function openHistory(folder: string): HistoryFile {
  const path = join(folder, runFiles.history);
  const failing = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      if (SitError.isInstance(cause)) throw cause;
      throw new SitError("disk", `${path}: cannot be written (${(cause as Error).message})`, {
        mend: "The last checkpoint is intact: go on from it with --resume.",
        cause,
      });
    }
  };
  const file = failing(() => openSync(path, "a"));
  const { ino } = fstatSync(file);
  let looked = performance.now();
  const look = () => {
    if (performance.now() - looked < LOOK_EVERY) return;
    looked = performance.now();
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) return;
    throw new SitError(
      "disk",
      `${path}: expected the file that the run writes, got none: it was removed or moved`,
      {
        mend: "What was saved before lies where it was moved to.",
      },
    );
  };
  const append = (line: object) =>
    failing(() => {
      look();
      // Not `writeSync`, which writes what there is room for and is content.
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    });
  return {
    write: (record) => append(toLine(record)),
    writeLook: (record) => append({ kind: WATCH, ...record }),
    flush: () => failing(() => fsyncSync(file)),
    close: () => failing(() => closeSync(file)),
  };
}

/** What a history says. */
export interface History {
  readonly steps: readonly StepRecord[];
  readonly looks: readonly WatchRecord[];
}

/** The kind of a line that is no step's. */
const WATCH = "watch";

/**
 * Reads the history up to `step` and cuts off what comes after: steps that will be done again, and half a line of a run
 * that was killed.
 *
 * @param step steps done
 * @returns the steps before it, and the looks up to there; without the file none
 * @throws SitError "disk" or "bad-file"
 */
export async function cutHistory(folder: string, step: number): Promise<History> {
  const path = join(folder, runFiles.history);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { steps: [], looks: [] };
    throw new SitError("bad-file", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  const steps: StepRecord[] = [];
  const looks: WatchRecord[] = [];
  let end = 0;
  for (let next = bytes.indexOf(10); next >= 0; next = bytes.indexOf(10, end)) {
    const line = fromLine(bytes.toString("utf8", end, next));
    if (line === undefined) break;
    if ("look" in line) {
      if (line.look.step > step) break;
      looks.push(line.look);
    } else {
      const last = steps.at(-1);
      if (line.step.step >= step || (last && line.step.step <= last.step)) break;
      steps.push(line.step);
    }
    end = next + 1;
  }
  if (end < bytes.length) {
    await truncate(path, end).catch((cause: Error) => {
      throw new SitError("disk", `${path}: cannot be written (${cause.message})`, { cause });
    });
  }
  return { steps, looks };
}

const own = ["step", "epoch", "learningRate", "imagesPerSecond", "seconds", "gradientNorm"] as const;

/** Losses stand beside the rest, as a reader of the file wants them; what is not finite is null in JSON. */
function toLine({ metrics, skipped, ...step }: StepRecord): object {
  return { ...step, ...(skipped && { skipped }), ...metrics };
}

function fromLine(line: string): { step: StepRecord } | { look: WatchRecord } | undefined {
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (found?.kind === WATCH) {
    const look = lookOf(found);
    return look && { look };
  }
  const step = stepOf(found ?? {});
  return step && { step };
}

const ofLooks = ["step", "epoch", "images", "deviation", "effectiveRank", "rank", "seconds"] as const;

function lookOf({ kind, ...found }: Record<string, unknown>): WatchRecord | undefined {
  const { knn, gradientNorm } = found as Partial<WatchRecord>;
  const norms = gradientNorm === undefined ? [] : [gradientNorm?.mean, gradientNorm?.largest];
  const numbers = [...ofLooks.map((name) => found[name]), ...(knn === undefined ? [] : [knn]), ...norms];
  return numbers.every(Number.isFinite) ? (found as unknown as WatchRecord) : undefined;
}

function stepOf({ skipped = false, ...rest }: Record<string, unknown>): StepRecord | undefined {
  const number = (value: unknown) => (typeof value === "number" ? value : Number.NaN);
  const values = Object.fromEntries(own.map((name) => [name, number(rest[name])]));
  if (!(Number.isSafeInteger(values.step) && (values.step as number) >= 0) || typeof skipped !== "boolean")
    return undefined;
  const metrics = Object.entries(rest).filter(([name]) => !(own as readonly string[]).includes(name));
  return {
    ...(values as Omit<StepRecord, "metrics" | "skipped">),
    skipped,
    metrics: Object.fromEntries(metrics.map(([name, value]) => [name, number(value)])),
  };
}
