import { cpus, totalmem } from "node:os";
import type { Engine } from "@sitjs/engine";
import type { ReportData, ReportPretraining } from "@sitjs/eval/report";
import type { MethodTexts } from "../experiment/model.js";
import type { NetworkOrigin } from "../experiment/network-origin.js";
import type { PretrainingResult } from "../experiment/pretraining.js";
import { usesSetting } from "../methods/plans.js";
import { definitions, settingNames } from "../settings/definitions.js";
import type { Settings } from "../settings/settings.js";

/** The report's part on the machine, the programs and the settings; the same for every command. */
export function commonReportData(options: {
  readonly title: string;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly seed: number;
  readonly warnings?: readonly string[];
  /** The network that was begun with. */
  readonly network?: NetworkOrigin | undefined;
}): ReportData {
  const { title, engine, settings, seed, warnings, network } = options;
  const { name, backend, device, tensorflow, cores, kernels } = engine;
  return {
    title,
    date: new Date().toISOString(),
    command: commandLine(),
    seed,
    warnings,
    engine: { name, backend, device, tensorflow, cores, kernels },
    settings: { ...(network && { network: networkRecord(network) }), ...groupedSettings(settings) },
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memory: `${(totalmem() / 1e9).toFixed(1)} GB`,
      platform: `${process.platform} ${process.arch}`,
    },
    versions: { node: process.versions.node, ...(tensorflow !== undefined && { tensorflow }) },
    peakMemoryMB: peakMemoryMB(),
  };
}

/** The most memory the process has had, in MB. */
export function peakMemoryMB(): number {
  // maxRSS is in kilobytes on every platform.
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

/** The parts of a method's loss, of the metrics of its steps; the loss itself where it has none. */
export function lossParts({ epochs }: Pick<PretrainingResult, "epochs">): string[] {
  const parts = Object.keys(epochs[0]?.metrics ?? {}).filter((name) => name !== "loss");
  return parts.length > 0 ? parts : ["loss"];
}

/** What `summary.json` says of pretraining: one number of each part of the loss for each epoch. */
export function lossesByEpoch(result: Pick<PretrainingResult, "epochs">): Record<string, (number | null)[]> {
  const per = (name: string) => result.epochs.map(({ metrics }) => finite(metrics[name]));
  return Object.fromEntries(lossParts(result).map((name) => [name, per(name)]));
}

/** The report's part on pretraining. */
export function pretrainingData(
  result: Omit<PretrainingResult, "state">,
  epochs: number,
  { title, summary }: MethodTexts,
): ReportPretraining {
  const { steps, seconds, imagesPerSecond } = result;
  const names = lossParts(result);
  const learning = (record: {
    learningRate: number;
    imagesPerSecond: number;
    metrics: Readonly<Record<string, number>>;
  }) => ({
    parts: Object.fromEntries(names.map((name) => [name, finite(record.metrics[name])])),
    learningRate: record.learningRate,
    imagesPerSecond: record.imagesPerSecond,
  });
  return {
    epochs,
    steps,
    seconds,
    imagesPerSecond,
    ...(summary !== undefined && { explanation: `${title} ${summary}; what is called a loss should fall.` }),
    history: result.epochs.map((record) => ({ epoch: record.epoch + 1, ...learning(record) })),
    stepHistory: result.records.map((record) => ({ step: record.step + 1, ...learning(record) })),
  };
}

/** Steps that were left out since their loss was not finite have no value. */
function finite(value: number | undefined): number | null {
  return Number.isFinite(value) ? (value as number) : null;
}

/** The settings that the method looks at, by group. */
export function groupedSettings(settings: Settings): Record<string, Record<string, string | number>> {
  const groups: Record<string, Record<string, string | number>> = {};
  for (const name of settingNames) {
    if (!usesSetting(settings.method, name)) continue;
    const { group } = definitions[name];
    groups[group] ??= {};
    groups[group][name] = settings[name];
  }
  return groups;
}

/** The command as it was typed, with folders above the last two of a path not told: for records that are shown. */
export function commandLine(args: readonly string[] = process.argv.slice(2)): string {
  return typedCommand(args.map(shownPath));
}

/** Where a network is from, for records that are shown. */
export function networkRecord({ name, ...origin }: NetworkOrigin) {
  return { ...origin, name: shownPath(name) };
}

const shownPath = (path: string) =>
  /^([A-Za-z]:)?[\\/]/.test(path) ? `…/${path.split(/[\\/]/).slice(-2).join("/")}` : path;

/** The command as it was typed, to be typed again. */
export function typedCommand(args: readonly string[] = process.argv.slice(2)): string {
  return ["sit", ...args].map((arg) => (/\s/.test(arg) ? JSON.stringify(arg) : arg)).join(" ");
}
