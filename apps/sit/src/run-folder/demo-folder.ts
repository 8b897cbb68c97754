import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { parseJson } from "@sitjs/core/json";
import { type StagedFolder, stageFolder, writeFileAtomically } from "@sitjs/core/node";
import { listCheckpoints } from "@sitjs/train/node";
import { type CheckpointSettings, parseCheckpointSettings } from "../experiment/checkpoint.js";
import { runFiles } from "./files.js";

/** What a demo that is under way is built again from. */
export interface DemoRecord {
  readonly saved: CheckpointSettings;
  readonly seeds: readonly number[];
  readonly labelsPerClass: readonly number[];
  /** Of its beginning, for the report. */
  readonly warnings: readonly string[];
}

/** Where a demo works until all of it is done; then this folder takes the place of `out`. */
export function unfinishedFolder(out: string): string {
  // As the user has named it, for messages; a dot and the like are no names.
  const named = join(dirname(out), basename(out));
  return `${/(^|\/)\.{0,2}$/.test(named) ? resolve(out) : named}.unfinished`;
}

/** In it: what is done. The ending is that of what other commands pass over, should it be left behind. */
const PARTS = "parts.partial";
const RECORD = "demo.json";

/** The folder of what is done with a seed, and beside the training of the only one. */
export const partsFolder = (unfinished: string, seed?: number) =>
  seed === undefined ? join(unfinished, PARTS) : join(unfinished, PARTS, `seed-${seed}`);

/** Whether a demo that was stopped has left something worth going on with. */
export async function isUnfinished(out: string): Promise<boolean> {
  const folder = unfinishedFolder(out);
  const seeds: string[] = await readdir(partsFolder(folder)).catch(() => []);
  if (!seeds.includes(RECORD)) return false;
  return seeds.length > 1 || (await listCheckpoints(folder)).length > 0;
}

/**
 * What the demo that was stopped in the folder says of itself.
 * @throws SitError "missing-file" where there is none, "bad-file" where it cannot be read
 */
export async function readDemo(out: string): Promise<DemoRecord> {
  const folder = unfinishedFolder(out);
  const path = join(partsFolder(folder), RECORD);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      throw new SitError("missing-file", `--resume ${out}: expected a demo that was stopped, got none`, {
        mend: `It would have left ${folder}.`,
      });
    }
    throw new SitError("bad-file", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  const found = (parseJson(text, path) ?? {}) as Partial<DemoRecord>;
  const numbers = (value: unknown) =>
    Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger);
  if (!numbers(found.seeds) || !numbers(found.labelsPerClass) || !Array.isArray(found.warnings)) {
    throw new SitError("bad-file", `${path}: expected what a demo was begun with, got something else`);
  }
  const saved = parseCheckpointSettings({ ...found.saved }, `--resume ${path}`);
  return { ...(found as DemoRecord), saved };
}

/**
 * Opens the folder where a demo works.
 * @param goesOn what is there stays; else it goes
 */
export async function openDemo(out: string, { goesOn }: { goesOn: boolean }): Promise<StagedFolder> {
  const path = unfinishedFolder(out);
  if (!goesOn) {
    await rm(path, { recursive: true, force: true }).catch((cause: Error) => {
      throw new SitError("disk", `${path}: cannot be removed (${cause.message})`, { cause });
    });
  }
  const staged = await stageFolder(out, { path });
  return {
    ...staged,
    async commit() {
      await requireRecord(path);
      await staged.commit();
      // Only now: until here the demo can be gone on with, whatever happens.
      await rm(partsFolder(out), { recursive: true, force: true }).catch(() => undefined);
    },
  };
}

/** @throws SitError "disk" where the folder that the demo has worked in is another one now, or gone */
async function requireRecord(path: string): Promise<void> {
  const found = await stat(join(partsFolder(path), RECORD)).catch(() => undefined);
  if (found?.isFile()) return;
  throw new SitError(
    "disk",
    `${path}: expected the folder of the demo, which was there before, got one without its parts`,
    { mend: "It was removed or moved: what was done lies where it was moved to." },
  );
}

/** Says what a demo is begun with. */
export async function writeDemo(out: string, record: DemoRecord): Promise<void> {
  const path = join(partsFolder(unfinishedFolder(out)), RECORD);
  await writeFileAtomically(path, `${JSON.stringify(record, null, 2)}\n`);
}

/** Whether the folder has the results of a run. */
export async function hasResults(out: string): Promise<boolean> {
  return (await stat(join(out, runFiles.summary)).catch(() => undefined))?.isFile() ?? false;
}
