import { SingleBar } from "cli-progress";
import type { Reporter } from "../experiment/reporter.js";
import { details, duration } from "./format.js";
import { leftOutTeller } from "./left-out.js";
import { planLines } from "./plan.js";
import { watchLine } from "./watch.js";

/** A progress bar for the current stage, and a line for each that is done. */
export function barReporter(stream: NodeJS.WriteStream): { report: Reporter; close: () => void } {
  let bar: SingleBar | undefined;
  const close = () => {
    bar?.stop();
    bar = undefined;
  };
  /** A line above the bar, if one is shown. */
  const line = (text: string) => {
    if (bar === undefined) {
      stream.write(`${text}\n`);
    } else {
      stream.cursorTo(0);
      stream.clearLine(0);
      stream.write(`${text}\n`);
      bar.render();
    }
  };
  const leftOut = leftOutTeller();
  const report: Reporter = (event) => {
    switch (event.event) {
      case "note":
        line(event.text);
        break;
      case "warning":
        line(`Warning: ${event.text}`);
        break;
      case "left-out": {
        const text = leftOut(event);
        if (text !== undefined) line(text);
        break;
      }
      case "plan":
        for (const text of planLines(event)) line(text);
        break;
      case "watch":
        line(watchLine(event));
        break;
      case "stage":
        close();
        bar = new SingleBar({
          stream,
          format: "{stage} {bar} {percentage} %  {details}",
          barsize: 24,
          barCompleteChar: "█",
          barIncompleteChar: "░",
          hideCursor: true,
          clearOnComplete: true,
          fps: 5,
          gracefulExit: false, // the command handles signals itself
        });
        bar.start(event.total ?? 1, 0, { stage: event.stage, details: "" });
        break;
      case "progress":
        if (event.total > 0) bar?.setTotal(event.total);
        bar?.update(event.done, { stage: event.stage, details: details(event) });
        break;
      case "stage-end":
        close();
        line(
          `${event.stage}: done in ${duration(event.seconds)}${event.outcome ? `, ${event.outcome}` : ""}`,
        );
    }
  };
  return { report, close };
}
