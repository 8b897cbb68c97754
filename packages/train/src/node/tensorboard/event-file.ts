import { appendFileSync, closeSync, fsyncSync, openSync } from "node:fs";
import { readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core";
import { type EventValues, fileVersion, sessionStart, stepOf, summaryEvent } from "./event.js";
import { tfRecord, tfRecords } from "./record.js";

const PREFIX = "events.out.tfevents.";

/** True for what TensorBoard takes for an event file, by its name. */
export const isEventFile = (name: string): boolean => name.startsWith(PREFIX);

/** A file that TensorBoard reads while it is written. */
export interface EventFile {
  /**
   * Writes at once, so that a run that is killed loses nothing.
   * @param step steps done
   * @throws SitError "disk"
   */
  write(step: number, values: EventValues): void;
  /** Waits until all is on the disk. Throws as `write`. */
  flush(): void;
  close(): void;
}

export interface EventFileOptions {
  /** Steps done, of a run that goes on. */
  readonly resumedAt?: number | undefined;
  /** The time in milliseconds since 1970; default: the clock's. */
  readonly now?: () => number;
}

/**
 * Begins an event file (`events.out.tfevents.SECONDS.NUMBER`) in a folder: a new one each time, after those that are
 * there, as TensorBoard reads them in the order of their names.
 *
 * Before a run goes on, `cutEventFiles` takes out what it will write again.
 *
 * @throws SitError "disk" where it cannot be written
 */
export async function openEventFile(
  folder: string,
  { resumedAt, now = Date.now }: EventFileOptions = {},
): Promise<EventFile> {
  const earlier = await eventFiles(folder);
  const last = Number(earlier.at(-1)?.slice(PREFIX.length).split(".")[0] ?? 0) || 0;
  const seconds = String(Math.max(Math.floor(now() / 1000), last)).padStart(10, "0");
  const path = join(folder, `${PREFIX}${seconds}.${String(earlier.length).padStart(4, "0")}`);
  const file = failing(path, () => openSync(path, "wx"));
  // Not `writeSync`, which writes what there is room for and is content.
  const append = (event: Uint8Array) => failing(path, () => appendFileSync(file, tfRecord(event)));
  append(fileVersion(now() / 1000));
  if (resumedAt !== undefined) append(sessionStart(now() / 1000, resumedAt + 1));
  return {
    write: (step, values) => append(summaryEvent(now() / 1000, step, values)),
    flush: () => failing(path, () => fsyncSync(file)),
    close: () => failing(path, () => closeSync(file)),
  };
}

/**
 * Takes out of a folder's event files what comes after `step` steps, and half an event of a run that was killed; a file
 * with nothing else goes.
 *
 * @throws SitError "disk"
 */
export async function cutEventFiles(folder: string, step: number): Promise<void> {
  for (const name of await eventFiles(folder)) {
    const path = join(folder, name);
    try {
      const file = await readFile(path);
      let [end, events] = [0, 0];
      for (const record of tfRecords(file)) {
        if (stepOf(record.data) > step) break;
        end = record.end;
        events++;
      }
      // The first event says of what version the file is.
      if (events <= 1) await rm(path);
      else if (end < file.length) await truncate(path, end);
    } catch (cause) {
      throw disk(path, cause as Error);
    }
  }
}

async function eventFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter(isEventFile).sort();
}

function failing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw disk(path, cause as Error);
  }
}

const disk = (path: string, cause: Error) =>
  new SitError("disk", `${path}: cannot be written (${cause.message})`, { cause });
