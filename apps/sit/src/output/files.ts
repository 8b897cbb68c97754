import { readdir, stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";

/** What a run leaves in its folder; a folder with anything else is not ours to overwrite. */
export const runFiles = {
  checkpoint: "checkpoint.safetensors",
  history: "history.jsonl",
  summary: "summary.json",
  report: "report.html",
  reportData: "report.json",
  results: "results.json",
} as const;

const known: ReadonlySet<string> = new Set(Object.values(runFiles));

/**
 * Looks whether a run may write to `folder`: it is not there, is empty, or holds an earlier run.
 * @returns true where an earlier run will be replaced
 * @throws SitError "bad-option" where it holds something else
 */
export async function checkRunFolder(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return false;
  const refuse = (got: string) =>
    new SitError(
      "bad-option",
      `--out ${folder}: expected a new folder or that of an earlier run, got ${got}`,
      {
        mend: "Name another folder.",
      },
    );
  if (!found.isDirectory()) throw refuse("a file");
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".partial"));
  const other = names.find((name) => !known.has(name));
  if (other !== undefined) throw refuse(`a folder with ${other} in it`);
  return names.length > 0;
}
