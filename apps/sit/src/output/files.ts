import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { SitError } from "@sitjs/core/errors";

/** Writes a file beside its place and moves it there, so that nobody reads half of one. Makes its folder. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, content);
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new SitError("disk", `${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}

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

/** A folder beside `folder` to write a run to, that takes its place when all is done. */
export interface StagedFolder {
  readonly path: string;
  /** Puts it in its place; the earlier run goes. */
  commit(): Promise<void>;
  /** Takes it away; nothing is left. */
  discard(): Promise<void>;
}

export async function stageFolder(folder: string): Promise<StagedFolder> {
  const target = resolve(folder);
  const beside = (kind: string) => join(dirname(target), `.${basename(target)}.${randomUUID()}.${kind}`);
  const path = beside("partial");
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new SitError("disk", `--out ${folder}: cannot be made (${(cause as Error).message})`, { cause });
  }
  return {
    path,
    async commit() {
      const old = beside("old");
      const replaced = await rename(target, old).then(
        () => true,
        () => false,
      );
      await rename(path, target);
      if (replaced) await rm(old, { recursive: true, force: true });
    },
    discard: () => rm(path, { recursive: true, force: true }),
  };
}
