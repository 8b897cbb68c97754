#!/usr/bin/env node
import { CommanderError } from "commander";
import { errorLines, exitCode } from "./command-line/exit.js";
import { program } from "./program.js";

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version end this way too, with 0.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    for (const line of errorLines(error)) process.stderr.write(`${line}\n`);
    process.exitCode = exitCode(error);
  }
}
