import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReportWatching } from "@sitjs/eval/report";
import type { WatchRecord } from "../experiment/watching/record.js";
import { runFiles } from "../run-folder/files.js";

/** The report's part on what was looked at, with the pictures of the run's folder, those of its earlier parts too. */
export async function watchingData(
  folder: string,
  looks: readonly WatchRecord[] = [],
): Promise<{ watching?: ReportWatching }> {
  const path = join(folder, runFiles.pictures);
  const names = await readdir(path).catch(() => []);
  const pictures = [];
  for (const name of names.sort()) {
    const epoch = /^epoch-(\d+)\.png$/.exec(name)?.[1];
    if (epoch !== undefined)
      pictures.push({ epoch: Number(epoch), png: new Uint8Array(await readFile(join(path, name))) });
  }
  if (looks.length === 0 && pictures.length === 0) return {};
  return {
    watching: {
      looks: looks.map(({ epoch, knn, deviation, effectiveRank }) => ({
        epoch,
        ...(knn !== undefined && { knn }),
        deviation,
        effectiveRank,
      })),
      pictures,
    },
  };
}
