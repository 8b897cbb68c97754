import type { Reporter } from "../experiment/reporter.js";
import { barReporter } from "./bars.js";
import { jsonReporter } from "./json.js";
import { lineReporter } from "./lines.js";

/** Where a command's words go. */
export interface Console {
  readonly report: Reporter;
  /** The outcome: lines for a person, or one JSON object. */
  result(data: Readonly<Record<string, unknown>>, lines: readonly string[]): void;
  close(): void;
}

/** Progress to standard error and the result to standard output; in the JSON mode all to standard output. */
export function createConsole(mode: { json: boolean; quiet: boolean }): Console {
  const { json, quiet } = mode;
  if (json) {
    const report = quiet ? () => undefined : jsonReporter((line) => process.stdout.write(line));
    return {
      report,
      result: (data) => process.stdout.write(`${JSON.stringify({ event: "result", ...data })}\n`),
      close: () => undefined,
    };
  }
  const { report, close } = progress(quiet);
  return {
    report,
    close,
    result(_, lines) {
      close();
      for (const line of lines) process.stdout.write(`${line}\n`);
    },
  };
}

function progress(quiet: boolean): { report: Reporter; close: () => void } {
  const { stderr } = process;
  const write = (line: string) => stderr.write(`${line}\n`);
  if (quiet) {
    return {
      report: (event) => {
        if (event.event === "warning") write(`Warning: ${event.text}`);
      },
      close: () => undefined,
    };
  }
  return stderr.isTTY ? barReporter(stderr) : { report: lineReporter(write), close: () => undefined };
}
