import type { Command } from "commander";
import type { Console } from "../console/console.js";
import { Stopped } from "./exit.js";

/** What a command is given. */
export interface CommandContext {
  readonly console: Console;
  /** Aborted, with `Stopped` as its reason, when the user stops the run. */
  readonly signal: AbortSignal;
  /** Something to do when the run ends before its end. */
  onStop(cleanUp: () => Promise<void>): void;
}

/** A command's work; loaded only when it is run. */
export type Run = (
  options: Readonly<Record<string, unknown>>,
  context: CommandContext,
  argument?: string,
) => Promise<void>;

const GRACE_MS = 5000;

/** Has a command load its module and run it, with console, stop signals and clean-up. */
export function runs(command: Command, load: () => Promise<Run>): Command {
  return command.action(async (...parameters: unknown[]) => {
    const options = command.opts<Record<string, unknown>>();
    const argument = typeof parameters[0] === "string" ? parameters[0] : undefined;
    const { createConsole } = await import("../console/console.js");
    const console = createConsole({ json: options.json === true, quiet: options.quiet === true });
    const abort = new AbortController();
    const cleanUps: (() => Promise<void>)[] = [];
    const cleanUp = async () => {
      for (const work of cleanUps.splice(0)) await work().catch(() => undefined);
    };
    const stop = (signal: "SIGINT" | "SIGTERM") => {
      const leave = () => process.exit(signal === "SIGINT" ? 130 : 143);
      if (abort.signal.aborted) leave();
      abort.abort(new Stopped(signal));
      // The work ends at its next step; where it waits for something slow, it is not waited for.
      setTimeout(() => void cleanUp().then(leave), GRACE_MS).unref();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    try {
      const run = await load();
      await run(options, { console, signal: abort.signal, onStop: (work) => cleanUps.push(work) }, argument);
    } catch (error) {
      await cleanUp();
      throw abort.signal.aborted ? abort.signal.reason : error;
    } finally {
      console.close();
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    }
  });
}
