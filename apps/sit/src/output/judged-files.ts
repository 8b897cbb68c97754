import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFilesAtomically } from "@sitjs/core/node";
import type { ReportData } from "@sitjs/eval/report";
import { listCheckpoints } from "@sitjs/train/node";
import type { Judged } from "../experiment/judged.js";
import { leftOutSummary } from "../experiment/left-out.js";
import { checkRunFolder, runFiles } from "../run-folder/files.js";
import { openRunFolder } from "../run-folder/open.js";
import { commonReportData, networkRecord, peakMemoryMB } from "./report-data.js";
import { reportFiles } from "./report-file.js";

/** What the summaries of these commands have in common. */
export function judgedSummary(command: string, judged: Judged) {
  const { choice, engine, data, train, test, leftOut } = judged;
  return {
    command,
    network: networkRecord(judged.network),
    engine: engine.name,
    dataset: data.name,
    seed: choice.seed,
    // Student or teacher is a choice of runs alone.
    ...(judged.network.kind === "run" && { weights: choice.settings.weights }),
    trainImages: train.length,
    testImages: test.length,
    leftOut: leftOutSummary(leftOut.list()),
    peakMemoryMB: peakMemoryMB(),
  };
}

/** What their reports have in common. */
export function judgedReport(
  title: string,
  { choice, network, engine, data, train, test, leftOut }: Judged,
): ReportData {
  const { settings, seed } = choice;
  const { imageSize, channels } = settings;
  return {
    ...commonReportData({ title: `${title} on ${data.name}`, engine, settings, seed, network }),
    leftOut: leftOut.list(),
    dataset: {
      name: data.name,
      images: train.length + test.length,
      labelled: train.length,
      test: test.length,
      imageSize: [imageSize, imageSize, channels],
      classes: test.classes,
    },
  };
}

/**
 * Looks whether results may be written to a folder: it is new, or has nothing but earlier results.
 * @throws SitError "bad-option" where it holds a run with checkpoints, or something else than a run
 */
export async function requireResultsFolder(folder: string): Promise<void> {
  if ((await checkRunFolder(folder)).length === 0) return;
  const { length } = await listCheckpoints(folder);
  if (length === 0) return;
  throw new SitError(
    "bad-option",
    `--out ${folder}: expected a new folder, or one with earlier results, got that of a run with checkpoints`,
    { mend: "Name another folder." },
  );
}

/** Writes `summary.json`, `report.json` and `report.html`, all or none; earlier results are replaced. */
export async function writeResults(folder: string, summary: object, report: ReportData): Promise<void> {
  const opened = await openRunFolder(folder);
  try {
    // The summary comes last: where there is one, the report beside it is of the same results.
    await writeFilesAtomically([
      ...(await reportFiles(folder, report)),
      { path: join(folder, runFiles.summary), content: `${JSON.stringify(summary, null, 2)}\n` },
    ]);
  } finally {
    await opened.close();
  }
}
