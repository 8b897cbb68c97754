import type { Resolved } from "../command-line/resolve.js";
import type { CommandContext } from "../command-line/run-command.js";
import { withTotalTimeLeft } from "../experiment/time-left.js";
import { runTrial, type TrialOptions, trialPlan } from "../experiment/trial.js";
import { peakMemoryMB, typedCommand } from "../output/report-data.js";
import type { RunLock } from "./lock.js";
import { savedTraining } from "./saved-training.js";
import type { TrialRecord, TrialSetup } from "./trial-record.js";
import { makeTrialFolder, removePretraining, requireSameTrial, writeTrial } from "./trials.js";

/** A trial with one seed, ready to be run. */
export interface Trial {
  readonly setup: TrialSetup;
  readonly options: Omit<TrialOptions, "report" | "hooks">;
  done?: TrialRecord | undefined;
}

/** Says how many need not be run, and where times will not compare; clears away what a kill has left of them. */
export async function passWhatIsDone(
  trials: readonly TrialRecord[],
  {
    out,
    computedBy,
    report,
  }: Pick<RunningTrials, "computedBy"> & {
    readonly out: string;
    readonly report: CommandContext["console"]["report"];
  },
): Promise<void> {
  for (const trial of trials) await removePretraining(out, trial);
  if (trials.length === 0) return;
  report({ event: "note", text: `Already done: ${trials.length}; they are not done again` });
  const other = trials.find((trial) => trial.computedBy !== computedBy)?.computedBy;
  if (other === undefined) return;
  report({
    event: "warning",
    text: `some were run on ${other} and the others are on ${computedBy}: times are not comparable`,
  });
}

export interface RunningTrials {
  readonly choice: Resolved;
  /** Its name, for the checkpoints. */
  readonly command: "compare" | "ablate";
  readonly context: CommandContext;
  readonly computedBy: string;
  readonly lock: RunLock;
  /** Called after each trial. */
  finished(): Promise<void>;
  /** How far all of it is, in words. */
  progress(): string;
}

/** One after the other, each written when it is done. */
export async function runTrials(trials: readonly Trial[], running: RunningTrials): Promise<void> {
  const { choice, context, computedBy, lock, finished, progress } = running;
  const plan = trials.flatMap(({ options }) => trialPlan(options));
  const report = withTotalTimeLeft(context.console.report, plan);
  let saved: Awaited<ReturnType<typeof hooksOf>>["saved"] | undefined;
  context.onStop(async () => ({ done: progress(), ...(await saved?.()), resume: typedCommand() }));
  for (const trial of trials) {
    const { options, setup } = trial;
    const hooks = options.pretrained ? await hooksOf(trial, running) : undefined;
    saved = hooks?.saved;
    const started = performance.now();
    const result = await runTrial({ ...options, report, hooks: { ...hooks, signal: context.signal } });
    const earlier = hooks?.earlier.at(-1)?.seconds ?? 0;
    trial.done = {
      ...setup,
      date: new Date().toISOString(),
      computedBy,
      peakMemoryMB: peakMemoryMB(),
      seconds: earlier + (performance.now() - started) / 1000,
      images: options.unlabelled.length,
      testImages: options.test.length,
      result,
    };
    await lock.requireHeld();
    await writeTrial(choice.out, trial.done);
    saved = undefined;
    await finished();
  }
}

/** How a trial's pretraining is saved while it goes on, and where it goes on if it was stopped. */
async function hooksOf(trial: Trial, { choice, command, context, computedBy, lock }: RunningTrials) {
  const { setup, options } = trial;
  const { settings, seed, labelsPerClass } = setup;
  const folder = await makeTrialFolder(choice.out, setup);
  return await savedTraining(folder, {
    saved: {
      kind: "pretrain",
      command,
      preset: choice.preset,
      settings,
      statistics: options.context.statistics,
      seed,
      data: setup.data,
      customParts: setup.customParts,
      config: choice.configFile,
      workers: choice.workers,
      engine: choice.engine,
      computedBy,
    },
    label: options.label,
    lock,
    context,
    requireSame: ({ saved }) => requireSameTrial({ ...saved, labelsPerClass }, setup, choice.out),
  });
}
