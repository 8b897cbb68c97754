import { cloneParams, type Params } from "@sitjs/core";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import type { Checkpoint, CheckpointStore } from "../src/checkpoint.js";
import type { BatchSource } from "../src/loader.js";
import type { Method } from "../src/method.js";
import { type SitOptions, sit } from "../src/methods/sit.js";
import { type PretrainOptions, pretrain } from "../src/pretrain.js";
import type { TrainState } from "../src/step.js";
import type { StepReport } from "../src/train.js";

export const [size, patchSize, width] = [16, 4, 16];

/** SiT on pictures of 16 x 16, in milliseconds. */
export function tinySit(changes: Partial<SitOptions> = {}): Method {
  return sit({
    backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 1, heads: 2 }),
    corruption: gmml(),
    reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 24 }), loss: maskedL1() },
    contrast: { head: projectionHead({ width, hidden: 24, output: 8 }), loss: crossViewNtXent() },
    ...changes,
  });
}

export type Report = Omit<StepReport, "state">;

/** All reports, without the borrowed states, and the last state, which is the caller's. */
export async function runAll(
  options: PretrainOptions,
  source: BatchSource,
  of: Method = tinySit(),
): Promise<{ reports: Report[]; state: TrainState }> {
  const reports: Report[] = [];
  let state: TrainState | undefined;
  for await (const { state: current, ...report } of pretrain(of, source, options)) {
    reports.push(report);
    state = current;
  }
  return { reports, state: state as TrainState };
}

/** The run as it was saved after `stop` steps and left there; its state is the caller's. */
export async function savedAt(
  stop: number,
  options: PretrainOptions,
  source: BatchSource,
  of: Method = tinySit(),
): Promise<Checkpoint> {
  let saved: Checkpoint | undefined;
  const checkpoints: CheckpointStore = {
    async save({ student, teacher, optimizer, ...counts }, { run }) {
      if (counts.step !== stop) return;
      const state = {
        ...counts,
        student: cloneParams(student),
        teacher: teacher && cloneParams(teacher),
        optimizer: cloneParams(optimizer),
      };
      saved = { state, run };
    },
  };
  const cut = pretrain(of, source, { ...options, checkpoints, checkpointEvery: { steps: 1 } });
  for await (const { step } of cut) if (step + 1 === stop) break;
  return saved as Checkpoint;
}

export function bits(params: Params | undefined): [string, number[]][] {
  return Object.entries(params ?? {}).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]);
}

export function stateBits({ student, teacher, optimizer, step, skipped }: TrainState) {
  return {
    student: bits(student),
    teacher: teacher && bits(teacher),
    optimizer: bits(optimizer),
    step,
    skipped,
  };
}

/** What `work` throws; undefined where it does not. */
export async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}
