import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { Engine } from "@sitjs/engine";
import type { SettingScope } from "../command-line/options.js";
import { type ParsedOptions, type Resolved, runFolderOf } from "../command-line/resolve.js";
import {
  type CheckpointSettings,
  type FoundCheckpoint,
  findCheckpoint,
  type ResumableCommand,
} from "../experiment/checkpoint.js";
import { type DataRecord, dataDifferences } from "../experiment/data-record.js";
import type { Reporter } from "../experiment/reporter.js";
import { optionName } from "../settings/check.js";
import { isHarmless, settingNames } from "../settings/definitions.js";
import type { Settings } from "../settings/settings.js";
import { runFiles } from "./files.js";

/**
 * The run that `--resume` goes on with, looked at; undefined for a new run.
 * @throws SitError "missing-file" or "bad-file" without a checkpoint, "bad-option" where it is another command's
 */
export async function runToResume(
  options: ParsedOptions,
  command: ResumableCommand,
  defaultOut: string,
  report: Reporter,
): Promise<FoundCheckpoint | undefined> {
  if (options.resume !== true) return undefined;
  if (options.overwrite === true) {
    throw new SitError("bad-option", "--overwrite: expected no --resume beside it, got both");
  }
  const out = await runFolderOf(options, defaultOut);
  const found = await findCheckpoint(out, "--resume", report);
  if (found.saved.command !== command) {
    throw new SitError(
      "bad-option",
      `--resume: expected a run of sit ${command} in ${out}, got one of sit ${found.saved.command}`,
    );
  }
  return found;
}

/** An option that is not what the run began with. */
export interface Difference {
  readonly option: string;
  /** Both in words. */
  readonly saved: string;
  readonly now: string;
  /** True where it changes nothing of the result. */
  readonly harmless: boolean;
}

/** In which settings two runs differ. */
export function settingDifferences(
  saved: Settings,
  now: Settings,
  { flag = optionName }: Pick<SettingScope, "flag"> = {},
): (Difference & { readonly setting: keyof Settings })[] {
  return settingNames.flatMap((setting) => {
    const found = difference(flag(setting), saved[setting], now[setting], isHarmless(setting));
    return found.map((each) => ({ ...each, setting }));
  });
}

/** How an option differs; nothing where it does not. */
export function difference(option: string, before: unknown, after: unknown, harmless = false): Difference[] {
  if (before === after) return [];
  return [{ option, saved: String(before ?? "none"), now: String(after ?? "none"), harmless }];
}

/** In what the choices differ from those of the saved run; what was not asked for now is as it was. */
export function choiceDifferences(
  saved: CheckpointSettings,
  now: Pick<Resolved, "settings" | "seed" | "workers">,
  scope: SettingScope,
  others: { readonly steps?: unknown; readonly labelsPerClass?: unknown } = {},
): Difference[] {
  return [
    ...settingDifferences(saved.settings, now.settings, scope),
    ...difference("--seed", saved.seed, now.seed),
    ...difference("--steps", saved.steps, others.steps ?? saved.steps),
    ...difference("--labels-per-class", saved.labelsPerClass, others.labelsPerClass ?? saved.labelsPerClass),
    ...difference("--workers", saved.workers, now.workers, true),
  ];
}

/**
 * Lets a run go on, and says what is other than before but does not matter; refuses with everything that does.
 *
 * @param data of this run; left out where it has not been opened
 * @throws SitError "bad-option" naming every option that differs, and how the images do
 */
export function requireSameRun(
  found: Pick<FoundCheckpoint, "named" | "saved">,
  differences: readonly Difference[],
  report: Reporter,
  data?: DataRecord,
): void {
  const { saved } = found;
  const serious = differences
    .filter(({ harmless }) => !harmless)
    .map(({ option, saved: before, now }) => `${option} ${before} (now ${now})`);
  const images = data === undefined ? [] : dataDifferences(saved.data, data);
  if (images.length > 0)
    serious.push(`--data ${saved.data.source} (now ${data?.source}: ${images.join(", ")})`);
  if (serious.length > 0) {
    throw new SitError(
      "bad-option",
      `--resume: expected the settings that the run in ${found.named} began with: ${serious.join("; ")}`,
      { mend: "Leave these options out, or begin a new run in another folder." },
    );
  }
  if (data === undefined) return;
  for (const { option, saved: before, now } of differences) {
    report({ event: "note", text: `${option} ${now} (was ${before}): taken, the result stays the same` });
  }
  if (data.source !== saved.data.source) {
    report({ event: "note", text: `--data ${data.source} (was ${saved.data.source}): the same images` });
  }
}

/** True for a run with nothing left to do: all steps, and the results too. */
export async function isComplete({ info }: FoundCheckpoint, out: string): Promise<boolean> {
  if (info.step < info.totalSteps) return false;
  return (await stat(join(out, runFiles.summary)).catch(() => undefined))?.isFile() ?? false;
}

/** What rounds as it does: kept with a checkpoint, to tell when a run goes on elsewhere. */
export function engineIdentity({ name, tensorflow, kernels }: Engine): string {
  const parts: string[] = [name];
  if (tensorflow !== undefined) parts.push(`TensorFlow ${tensorflow}`);
  if (kernels.length > 0) parts.push("fused kernels");
  return parts.join(", ");
}

/** Says where a run goes on, and what of it may differ there. */
export function noteResumed(
  { saved, info }: FoundCheckpoint,
  step: number,
  engine: Engine,
  report: Reporter,
): void {
  report({ event: "note", text: `Going on after step ${step} of ${info.totalSteps}` });
  noteOtherEngine(saved, engine, report);
}

/** Says where a run goes on on another engine than it began on. */
export function noteOtherEngine(
  saved: Pick<CheckpointSettings, "computedBy">,
  engine: Engine,
  report: Reporter,
): void {
  const now = engineIdentity(engine);
  if (now === saved.computedBy) return;
  report({
    event: "note",
    text: `The run began on ${saved.computedBy} and goes on on ${now}: the last bits of its numbers may differ`,
  });
}

/** The command that goes on with a run. */
export function resumeCommand(command: ResumableCommand | "demo", out: string): string {
  return `sit ${command} --resume --out ${/[^\w./~+,@%=-]/.test(out) ? JSON.stringify(out) : out}`;
}
