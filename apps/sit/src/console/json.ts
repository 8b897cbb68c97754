import type { Reporter } from "../experiment/reporter.js";

const EVERY_MS = 500;

/** Every event as a line of JSON; of progress at most two a second, and the last of each stage. */
export function jsonReporter(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): Reporter {
  let last = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.event === "progress") {
      if (event.done < event.total && now() - last < EVERY_MS) return;
      last = now();
    }
    write(`${JSON.stringify(event)}\n`);
  };
}
