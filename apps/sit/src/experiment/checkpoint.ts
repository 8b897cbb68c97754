import type { ChannelStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core";
import { type CheckpointInfo, inspectCheckpoint } from "@sitjs/train/node";
import { checkSettings } from "../settings/check.js";
import { definitions, settingNames } from "../settings/definitions.js";
import { completeSettings } from "../settings/later.js";
import type { Settings } from "../settings/settings.js";
import type { AnnotationSources } from "./annotation-sources.js";
import type { DataRecord } from "./data-record.js";
import type { NetworkOrigin } from "./network-origin.js";
import type { Reporter } from "./reporter.js";

const savingCommands = ["pretrain", "finetune", "multilabel", "demo", "compare", "ablate"] as const;

/** What saves checkpoints. */
export type SavingCommand = (typeof savingCommands)[number];

/** Those that train one network, in a folder of its own, and go on with `--resume`. */
export type ResumableCommand = Extract<SavingCommand, "pretrain" | "finetune" | "multilabel">;

/** What a checkpoint of the command sit says beside its state: all that a run is built again from. */
export interface CheckpointSettings {
  readonly kind: "pretrain" | "finetune";
  readonly command: SavingCommand;
  readonly preset: string;
  readonly settings: Settings;
  readonly statistics: ChannelStatistics;
  readonly seed: number;
  readonly data: DataRecord;
  /** Of a fine-tuned classifier. */
  readonly classes?: readonly string[];
  /** Parts that came from a config file, which is needed again. */
  readonly customParts: readonly string[];
  /** The config file, as it was named. */
  readonly config?: string | undefined;
  /** SHA-256 of the config file, where parts came from it. Runs of earlier versions do not say. */
  readonly configSha256?: string | undefined;
  /** What was asked for; without it, what fits the machine. */
  readonly workers?: number;
  readonly engine: string;
  /** What `--engine` came to: other engines round otherwise. */
  readonly computedBy: string;
  /** `--steps` of pretraining. */
  readonly steps?: number;
  /** `--labels-per-class` of fine-tuning. */
  readonly labelsPerClass?: number;
  /** What tells the classes of each image, where folders do not. */
  readonly annotations?: AnnotationSources;
  /** What fine-tuning began with: a network, as it was named, and the SHA-256 of its tensors' file; or random values. */
  readonly start?:
    | {
        readonly checkpoint: string;
        readonly sha256: string;
        /** Runs of earlier versions do not say. */
        readonly origin?: NetworkOrigin;
      }
    | "scratch";
}

/** A checkpoint of the command sit, looked at: its tensors are unread. */
export interface FoundCheckpoint {
  /** As it was named: a run's folder, a checkpoint's, or a file in that. */
  readonly named: string;
  /** The folder of the checkpoint itself. */
  readonly path: string;
  readonly info: CheckpointInfo;
  readonly saved: CheckpointSettings;
  /** Told of a damaged checkpoint, also when the tensors are read. */
  readonly onDamaged: (error: SitError) => void;
}

/**
 * What a checkpoint says of itself. Where a run's latest one is damaged, the one before it is taken, and a warning says so.
 *
 * @param named a run's folder, a checkpoint's, or a file in that
 * @param option what asked for it, for errors
 * @throws SitError "missing-file" or "bad-file"
 */
export async function findCheckpoint(
  named: string,
  option: string,
  report: Reporter,
): Promise<FoundCheckpoint> {
  const onDamaged = damageWarning(report);
  let found: Awaited<ReturnType<typeof inspectCheckpoint>>;
  try {
    found = await inspectCheckpoint(named, { onDamaged });
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    throw new SitError(error.code, `${option} ${error.message}`, { mend: error.mend, cause: error });
  }
  const saved = parseCheckpointSettings(found.info.settings, `${option} ${found.path}`);
  return { named, ...found, saved, onDamaged };
}

/** Warns of each damaged checkpoint once, however often it is met. */
function damageWarning(report: Reporter): (error: SitError) => void {
  const told = new Set<string>();
  return ({ message }) => {
    if (told.has(message)) return;
    told.add(message);
    report({ event: "warning", text: `${message}; the checkpoint before it is taken` });
  };
}

const numbers = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
const text = (value: unknown) => typeof value === "string";
const whole = (value: unknown) => Number.isSafeInteger(value);
const optional = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || check(value);
const texts = (value: unknown) => Array.isArray(value) && value.every(text);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isOrigin = (value: unknown) =>
  isRecord(value) && [value.kind, value.name, value.sha256].every(text) && optional(text)(value.commit);
const isPart = (value: unknown) => isRecord(value) && whole(value.images) && text(value.sha256);
const fields: Readonly<Record<keyof CheckpointSettings, (value: unknown) => boolean>> = {
  kind: (value) => value === "pretrain" || value === "finetune",
  command: (value) => (savingCommands as readonly unknown[]).includes(value),
  preset: text,
  settings: isRecord,
  statistics: (value) => isRecord(value) && numbers(value.mean) && numbers(value.deviation),
  seed: whole,
  data: (value) =>
    isRecord(value) &&
    text(value.source) &&
    text(value.name) &&
    isPart(value.train) &&
    optional(isPart)(value.test),
  classes: optional(texts),
  customParts: texts,
  config: optional(text),
  configSha256: optional(text),
  workers: optional(whole),
  engine: text,
  computedBy: text,
  steps: optional(whole),
  labelsPerClass: optional(whole),
  annotations: optional((value) => isRecord(value) && text(value.labels) && Object.values(value).every(text)),
  start: optional(
    (value) =>
      value === "scratch" ||
      (isRecord(value) && text(value.checkpoint) && text(value.sha256) && optional(isOrigin)(value.origin)),
  ),
};

/**
 * The settings that a run of sit has put beside its state.
 *
 * @param source what messages call their file
 * @throws SitError "bad-file"
 */
export function parseCheckpointSettings(
  saved: CheckpointInfo["settings"],
  source: string,
): CheckpointSettings {
  const notOurs = (got: string, cause?: unknown) =>
    new SitError("bad-file", `${source}: expected a checkpoint of the command sit, got ${got}`, { cause });
  for (const [name, accepts] of Object.entries(fields)) {
    if (!accepts(saved[name])) throw notOurs(`one whose settings have no valid ${name}`);
  }
  const known = saved as unknown as CheckpointSettings;
  const settings = completeSettings(known.settings);
  const lacking = settingNames.filter((name) => settings[name] === undefined);
  if (lacking.length > 0) throw notOurs(`one without ${lacking.slice(0, 3).join(", ")}`);
  try {
    checkSettings(settings, (name) => `settings.${name}`);
  } catch (error) {
    throw notOurs(`one with ${(error as Error).message}`, error);
  }
  return { ...known, settings };
}

/** Settings that decide the shape of the pretrained network, and so cannot be changed beside a checkpoint. */
export const shapeSettings: ReadonlySet<string> = new Set(
  settingNames.filter((name) => definitions[name].group === "model" && name !== "dropPath"),
);
