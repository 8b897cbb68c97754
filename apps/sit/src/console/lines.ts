import type { Reporter } from "../experiment/reporter.js";
import { details, duration } from "./format.js";
import { leftOutTeller } from "./left-out.js";
import { planLines } from "./plan.js";
import { watchLine } from "./watch.js";

const EVERY_MS = 5000;

/** Plain lines for a log: stages, and how they go every few seconds. */
export function lineReporter(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): Reporter {
  let last = Number.NEGATIVE_INFINITY;
  const leftOut = leftOutTeller();
  return (event) => {
    switch (event.event) {
      case "note":
        write(event.text);
        break;
      case "warning":
        write(`Warning: ${event.text}`);
        break;
      case "left-out": {
        const text = leftOut(event);
        if (text !== undefined) write(text);
        break;
      }
      case "plan":
        for (const text of planLines(event)) write(text);
        break;
      case "watch":
        write(watchLine(event));
        break;
      case "stage":
        write(event.total ? `${event.stage} (${event.total} ${event.unit ?? "steps"})` : event.stage);
        last = now();
        break;
      case "progress": {
        if (now() - last < EVERY_MS) return;
        last = now();
        const share = event.total > 0 ? `${Math.floor((100 * event.done) / event.total)} %` : `${event.done}`;
        write(`${event.stage}: ${share}, ${details(event)}`);
        break;
      }
      case "stage-end":
        write(
          `${event.stage}: done in ${duration(event.seconds)}${event.outcome ? `, ${event.outcome}` : ""}`,
        );
    }
  };
}
