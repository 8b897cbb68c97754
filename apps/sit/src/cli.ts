#!/usr/bin/env node
import { CommanderError } from "commander";
import { errorLines, exitCode, Stopped } from "./command-line/exit.js";
import { program } from "./program.js";

/** How long what is still under way at the end is waited for, in milliseconds: threads that end, a connection. */
const PATIENCE = 15_000;
/** As long after a stop: who has stopped it waits for it, and all that is saved is saved. */
const PATIENCE_STOPPED = 2000;
let patience = PATIENCE;

// Whoever reads the output may have gone (`sit … | head`). A command that runs stops then, saved; nothing is to be told.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.on("uncaughtException", (error) => {
  tell(error);
  process.exit(1);
});

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version end this way too, with 0.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    tell(error);
    process.exitCode = exitCode(error);
    if (error instanceof Stopped) patience = PATIENCE_STOPPED;
  }
}
setTimeout(() => process.exit(), patience).unref();

function tell(error: unknown): void {
  for (const line of errorLines(error)) process.stderr.write(`${line}\n`);
}
