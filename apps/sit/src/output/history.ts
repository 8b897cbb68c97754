import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { SitError } from "@sitjs/core/errors";
import type { StepRecord } from "../experiment/pretraining.js";
import { runFiles } from "./files.js";

/** Writes a line of JSON a step to `history.jsonl`, while the run goes on. */
export interface HistoryFile {
  write(record: StepRecord): void;
  close(): Promise<void>;
}

/** @param append keep the lines of the run that is resumed */
export async function historyFile(folder: string, append: boolean): Promise<HistoryFile> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, runFiles.history);
  const stream = createWriteStream(path, { flags: append ? "a" : "w", flush: true });
  let failure: Error | undefined;
  stream.on("error", (error) => {
    failure = error;
  });
  const check = () => {
    if (failure)
      throw new SitError("disk", `${path}: cannot be written (${failure.message})`, { cause: failure });
  };
  return {
    write({ metrics, ...step }) {
      check();
      stream.write(`${JSON.stringify({ ...step, ...metrics })}\n`);
    },
    async close() {
      stream.end();
      await finished(stream).catch(() => undefined);
      check();
    },
  };
}
