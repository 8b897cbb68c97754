import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Params,
  paramsFromSafetensors,
  paramsToSafetensors,
  readSafetensors,
  SitError,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import { writeFileAtomically } from "@sitjs/core/node";
import type { CheckpointStore } from "../pretrain.js";
import type { TrainState } from "../step.js";

/** What a checkpoint says of itself. */
export interface CheckpointInfo {
  readonly step: number;
  readonly epoch: number;
  readonly totalSteps: number;
  /** What the run was made with, as given to `checkpointFolder`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const FILE = "checkpoint.safetensors";
const SECTIONS = { student: "student.", teacher: "teacher.", optimizer: "optimizer." } as const;

/**
 * A folder that holds the latest state as `checkpoint.safetensors`: student, teacher and optimizer, with step and
 * settings as text in the header. Written beside its place and moved, so a reader never sees half of one.
 */
export function checkpointFolder(
  folder: string,
  settings: Readonly<Record<string, unknown>> = {},
): CheckpointStore {
  return {
    async save(state, { epoch, step, totalSteps }) {
      const params: Params = {
        ...withPrefix(SECTIONS.student, state.student),
        ...(state.teacher && withPrefix(SECTIONS.teacher, state.teacher)),
        ...withPrefix(SECTIONS.optimizer, state.optimizer),
      };
      const info: CheckpointInfo = { step, epoch, totalSteps, settings };
      const bytes = await paramsToSafetensors(params, { sit: JSON.stringify(info) });
      await writeFileAtomically(join(folder, FILE), bytes);
    },
  };
}

/**
 * Reads a checkpoint: a file, or a folder that holds one. The caller owns the state.
 * @throws SitError "missing-file" or "bad-file"
 */
export async function loadCheckpoint(path: string): Promise<{ state: TrainState; info: CheckpointInfo }> {
  const file = path.endsWith(".safetensors") ? path : join(path, FILE);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new SitError(
      "missing-file",
      `${file}: expected a checkpoint, cannot read it (${(cause as Error).message})`,
      {
        cause,
      },
    );
  }
  const info = infoOf(readSafetensors(bytes, file).metadata.sit, file);
  const params = paramsFromSafetensors(bytes, file);
  const teacher = withoutPrefix(SECTIONS.teacher, params);
  return {
    info,
    state: {
      student: withoutPrefix(SECTIONS.student, params),
      teacher: Object.keys(teacher).length > 0 ? teacher : undefined,
      optimizer: withoutPrefix(SECTIONS.optimizer, params),
      step: info.step,
    },
  };
}

function infoOf(text: string | undefined, file: string): CheckpointInfo {
  try {
    const info = JSON.parse(text ?? "") as CheckpointInfo;
    if (Number.isSafeInteger(info.step) && typeof info.settings === "object") return info;
  } catch {
    // falls through to the error below
  }
  throw new SitError(
    "bad-file",
    `${file}: expected a checkpoint of sitjs, got a file without its header entry "sit"`,
  );
}
