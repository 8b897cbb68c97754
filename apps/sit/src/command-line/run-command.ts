import { SitError } from "@sitjs/core/errors";
import type { Command } from "commander";
import type { Console } from "../console/console.js";
import { errorLines, exitCode, type StopPlace, Stopped } from "./exit.js";
import { listenForStops, type Stops } from "./stop-signals.js";

/** What a command is given. */
export interface CommandContext extends Pick<Stops, "signal" | "saving"> {
  readonly console: Console;
  /** Something to do when the run ends before its end; the last one first. What it returns is told to the user. */
  onStop(cleanUp: () => Promise<StopPlace | undefined>): void;
}

/** A command's work; loaded only when it is run. */
export type Run = (
  options: Readonly<Record<string, unknown>>,
  context: CommandContext,
  argument?: string,
) => Promise<void>;

/** Has a command load its module and run it, with console, stop signals and clean-up. */
export function runs(command: Command, load: () => Promise<Run>): Command {
  return command.action(async (...parameters: unknown[]) => {
    const options = command.opts<Record<string, unknown>>();
    const argument = typeof parameters[0] === "string" ? parameters[0] : undefined;
    const { createConsole } = await import("../console/console.js");
    const console = createConsole({ json: options.json === true, quiet: options.quiet === true });
    const cleanUps: (() => Promise<StopPlace | undefined>)[] = [];
    const cleanUp = async (reason: unknown) => {
      for (const work of cleanUps.splice(0).reverse()) {
        const place = await work().catch(() => undefined);
        if (place && reason instanceof Stopped) reason.place = place;
      }
      if (reason instanceof Stopped) {
        console.report({ event: "stopped", signal: reason.signal, ...reason.place });
      }
      console.close();
    };
    const stops = listenForStops((reason) => {
      void cleanUp(reason).then(() => {
        for (const line of errorLines(reason)) process.stderr.write(`${line}\n`);
        process.exit(exitCode(reason));
      });
    });
    try {
      const run = await load();
      const { signal, saving } = stops;
      await run(options, { console, signal, saving, onStop: (work) => cleanUps.push(work) }, argument);
    } catch (error) {
      // A stop ends what is under way by whatever error; but a disk that is full then must be told.
      const { aborted, reason } = stops.signal;
      const failed = SitError.isInstance(error) && error.code !== "aborted";
      const ending = aborted && !failed ? reason : error;
      await cleanUp(ending);
      throw ending;
    } finally {
      console.close();
      stops.close();
    }
  });
}
