import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ChannelStatistics } from "@sitjs/augment";
import { readSafetensors, SitError } from "@sitjs/core";
import { runFiles } from "../output/files.js";
import { definitions, type Settings, settingNames } from "../settings/definitions.js";

/** What a checkpoint must say for its network to be built again. */
export interface CheckpointSettings {
  readonly kind: "pretrain" | "finetune";
  readonly settings: Settings;
  readonly statistics: ChannelStatistics;
  readonly seed: number;
  readonly data: string;
  /** Of a fine-tuned classifier. */
  readonly classes?: readonly string[];
  /** Parts that came from a config file, which is needed again. */
  readonly customParts: readonly string[];
}

export interface FoundCheckpoint {
  readonly file: string;
  readonly saved: CheckpointSettings;
  /** Steps done, and those of the whole run. */
  readonly step: number;
  readonly totalSteps: number;
}

/**
 * What a checkpoint, or a run's folder, says of itself; its tensors stay unread.
 * @throws SitError "missing-file" or "bad-file"
 */
export async function inspectCheckpoint(path: string): Promise<FoundCheckpoint> {
  const file = path.endsWith(".safetensors") ? path : join(path, runFiles.checkpoint);
  if (!(await stat(file).catch(() => undefined))?.isFile()) {
    throw new SitError(
      "missing-file",
      `--checkpoint ${path}: expected the folder of a run of sit, got none with ${runFiles.checkpoint}`,
    );
  }
  const { metadata } = readSafetensors(await readFile(file), file);
  const notOurs = (why: string) =>
    new SitError("bad-file", `--checkpoint ${path}: expected a checkpoint of the command sit, got ${why}`);
  let info: { step?: unknown; totalSteps?: unknown; settings?: Partial<CheckpointSettings> };
  try {
    info = JSON.parse(metadata.sit ?? "");
  } catch {
    throw notOurs("a safetensors file without its settings");
  }
  const saved = info.settings;
  const complete = saved?.settings && settingNames.every((name) => saved.settings?.[name] !== undefined);
  if (!saved?.kind || !saved.statistics || !complete || typeof info.step !== "number") {
    const lacking = settingNames.filter((name) => saved?.settings?.[name] === undefined).slice(0, 3);
    throw notOurs(`one without ${lacking.length > 0 ? lacking.join(", ") : "its statistics"}`);
  }
  return { file, step: info.step, totalSteps: Number(info.totalSteps), saved: saved as CheckpointSettings };
}

/** Settings that decide the shape of the pretrained network, and so cannot be changed beside a checkpoint. */
export const shapeSettings: ReadonlySet<string> = new Set(
  settingNames.filter((name) => definitions[name].group === "model" && name !== "dropPath"),
);
