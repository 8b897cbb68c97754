import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { isBeside } from "@sitjs/core/node";
import { isEventFile } from "@sitjs/train/node";

/** What a run leaves in its folder; a folder with anything else is not ours to overwrite. */
export const runFiles = {
  /** A folder for each checkpoint. */
  checkpoints: "checkpoints",
  history: "history.jsonl",
  /** Reconstructions while it learned; TensorBoard's event files lie beside them, under names of their own. */
  pictures: "pictures",
  notFinite: "not-finite.json",
  summary: "summary.json",
  report: "report.html",
  reportData: "report.json",
  results: "results.json",
  comparison: "compare.json",
  plot: "compare.svg",
  ablation: "ablate.json",
  /** Of the trials of an ablation. */
  trials: "trials",
  lock: "run.lock",
} as const;

const { comparison, plot, ablation, trials, ...ofRuns } = runFiles;
const known: ReadonlySet<string> = new Set(Object.values(ofRuns));

/**
 * Looks whether a run may write to `folder`: it is not there, is empty, or holds an earlier run.
 *
 * @returns the names of what the earlier run has left
 * @throws SitError "bad-option" where it holds something else
 */
export async function checkRunFolder(folder: string): Promise<string[]> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return [];
  const refuse = (got: string) =>
    new SitError(
      "bad-option",
      `--out ${folder}: expected a new folder or that of an earlier run, got ${got}`,
      {
        mend: "Name another folder.",
      },
    );
  if (!found.isDirectory()) throw refuse("a file");
  const names = (await readdir(folder)).filter((name) => !isPassing(name));
  const other = names.find((name) => !known.has(name) && !isEventFile(name));
  if (other !== undefined) throw refuse(`a folder with ${printable(other)} in it`);
  return names.filter((name) => name !== runFiles.lock);
}

/** What a process that was killed may have left while it wrote, which the next one takes away. */
export const isPassing = (name: string) =>
  name.endsWith(".partial") || name.endsWith(".json.lock") || isBeside(name);

/** Takes away what an earlier run has left, its checkpoints first, but for the lock. */
export async function clearRunFolder(folder: string): Promise<void> {
  try {
    const events = (await readdir(folder)).filter(isEventFile);
    for (const name of [...known, ...events]) {
      if (name !== runFiles.lock) await rm(join(folder, name), { recursive: true, force: true });
    }
  } catch (cause) {
    throw new SitError("disk", `${folder}: the earlier run cannot be removed (${(cause as Error).message})`, {
      cause,
    });
  }
}
