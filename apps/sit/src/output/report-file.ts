import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type FileOfSet, writeFileAtomically, writeFilesAtomically } from "@sitjs/core/node";
import { type ReportData, renderReport } from "@sitjs/eval/report";
import { runFiles } from "../run-folder/files.js";
import { parseReport } from "./parse-report.js";

/** Writes `report.html`, and `report.json` to make it again from; both or none. */
export async function writeReport(folder: string, data: ReportData): Promise<void> {
  await writeFilesAtomically(await reportFiles(folder, data));
}

/** The two files of a report. */
export async function reportFiles(folder: string, data: ReportData): Promise<FileOfSet[]> {
  return [
    { path: join(folder, runFiles.report), content: await renderReport(data) },
    { path: join(folder, runFiles.reportData), content: encode(data) },
  ];
}

/**
 * Renders a run's report again.
 * @returns the path of the page
 * @throws SitError "missing-file" or "bad-file"
 */
export async function renderAgain(folder: string): Promise<string> {
  const path = join(folder, runFiles.reportData);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SitError(
      "missing-file",
      `${folder}: expected the folder of a run, got none with ${runFiles.reportData}`,
      { cause },
    );
  }
  const data = parseReport(text, path);
  const page = join(folder, runFiles.report);
  await writeFileAtomically(page, await renderReport(data));
  return page;
}

/** JSON with byte arrays as `{ base64 }`. */
export function encode(data: ReportData): string {
  return JSON.stringify(data, (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
  );
}
