import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "@sitjs/core/json";
import { writeFileAtomically } from "@sitjs/core/node";
import type { NotFiniteReport } from "@sitjs/train";
import { runFiles } from "./files.js";

/** The whole of what is known of batches whose loss or gradient was not finite: `not-finite.json`, a list. */
export interface NotFiniteFile {
  add(report: NotFiniteReport): void;
  /** Waits until the file is written; throws where it could not be. */
  written(): Promise<void>;
}

/** @param step steps done: batches before it stay in the list, those from it on will be computed again */
export function notFiniteFile(folder: string, step: number): NotFiniteFile {
  const path = join(folder, runFiles.notFinite);
  let writing: Promise<void> = Promise.resolve();
  let batches: NotFiniteReport[] | undefined;
  return {
    add(report) {
      writing = writing.then(async () => {
        batches ??= (await earlier(path)).filter((batch) => batch.step < step);
        batches.push(report);
        await writeFileAtomically(path, `${JSON.stringify(batches, inWords, 2)}\n`);
      });
      // It is looked at by `written`.
      writing.catch(() => undefined);
    },
    written: () => writing,
  };
}

async function earlier(path: string): Promise<NotFiniteReport[]> {
  try {
    const found = parseJson(await readFile(path, "utf8"), path);
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // not there, or damaged: what happens now matters more
  }
}

/** JSON has no NaN and no infinity: they become texts. */
function inWords(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
