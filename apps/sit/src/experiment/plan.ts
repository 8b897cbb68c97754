import { type Params, trainable } from "@sitjs/core";
import type { Batches } from "@sitjs/data";
import type { Method, PretrainPlan, TrainState } from "@sitjs/train";
import type { Settings } from "../settings/settings.js";
import type { WatchPlan } from "./watching/plan.js";

/** What a pretraining is about to do; plain data, for the terminal and for the JSON mode. */
export interface RunPlan {
  readonly method: string;
  readonly images: number;
  /** Side in pixels, of the network's input. */
  readonly imageSize: number;
  readonly views: number;
  /** Images in a step; there is no accumulation over steps, so this is the effective batch. */
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly epochs: number;
  /** Steps done before, of a run that goes on. */
  readonly stepsDone: number;
  readonly learningRate: {
    /** For a batch of 256. */
    readonly base: number;
    /** `base` x batch / 256. */
    readonly peak: number;
    readonly warmupSteps: number;
    /** "steps" where it stays the same between a few falls. */
    readonly shape: "cosine" | "steps";
    /** In the last step. */
    readonly final: number;
  };
  /** In the first step and in the last. */
  readonly weightDecay: readonly [number, number];
  /** Of the teacher; undefined without one. */
  readonly momentum: readonly [number, number] | undefined;
  readonly precision: Settings["precision"];
  /** Numbers that are trained. */
  readonly parameters: { readonly backbone: number; readonly heads: number; readonly teacher: number };
  readonly checkpoints: {
    /** Undefined where nothing is written. */
    readonly folder: string | undefined;
    readonly epochs: number;
    readonly steps: number;
    readonly minutes: number;
    /** Latest ones, beside the best. */
    readonly kept: number;
    /** Of each, in bytes, but for its header. */
    readonly bytes: number;
  };
  /** "too short": the share of its work that looks may take is not enough for one. */
  readonly watching: WatchPlan | "off" | "too short";
}

export function runPlan(of: {
  readonly method: Method;
  readonly loader: Pick<Batches, "batchSize" | "stepsPerEpoch">;
  readonly plan: PretrainPlan;
  readonly settings: Settings;
  readonly state: TrainState;
  readonly images: number;
  readonly folder: string | undefined;
  readonly watching: RunPlan["watching"];
}): RunPlan {
  const { method, loader, plan, settings, state, images, folder, watching } = of;
  const { totalSteps: steps, warmupSteps, baseLearningRate, peakLearningRate } = plan;
  const { checkpointEvery, checkpointSteps, checkpointMinutes, keepCheckpoints, precision } = settings;
  const last = steps - 1;
  const numbers = trainable(state.student);
  const backbone = count(numbers, (name) => name.startsWith(method.backbonePrefix));
  return {
    method: method.name,
    images,
    imageSize: settings.imageSize,
    views: method.views,
    batchSize: loader.batchSize,
    stepsPerEpoch: loader.stepsPerEpoch,
    steps,
    epochs: steps / loader.stepsPerEpoch,
    stepsDone: state.step,
    learningRate: {
      base: baseLearningRate,
      peak: peakLearningRate,
      warmupSteps,
      shape: fallsInSteps(plan) ? "steps" : "cosine",
      final: plan.learningRate(last),
    },
    weightDecay: [plan.weightDecay(0), plan.weightDecay(last)],
    momentum: state.teacher && [plan.momentum(0), plan.momentum(last)],
    precision,
    parameters: {
      backbone,
      heads: count(numbers) - backbone,
      teacher: state.teacher ? count(trainable(state.teacher)) : 0,
    },
    checkpoints: {
      folder,
      epochs: checkpointEvery,
      steps: checkpointSteps,
      minutes: checkpointMinutes,
      kept: keepCheckpoints,
      bytes: checkpointBytes(state),
    },
    watching,
  };
}

/** Of a checkpoint of the state, in bytes, but for its header. */
export function checkpointBytes({ student, teacher, optimizer }: TrainState): number {
  return 4 * (count(student) + count(teacher ?? {}) + count(optimizer));
}

/** Whether the learning rate has but a few values after its warm-up; asked of the schedule itself. */
function fallsInSteps({ learningRate, totalSteps, warmupSteps }: PretrainPlan): boolean {
  const length = totalSteps - warmupSteps;
  const asked = Math.min(length, 64);
  const values = new Set(
    Array.from({ length: asked }, (_, i) => learningRate(warmupSteps + Math.floor((i * length) / asked))),
  );
  return asked > 8 && values.size <= 4;
}

function count(params: Params, counted: (name: string) => boolean = () => true): number {
  return Object.entries(params).reduce((sum, [name, { size }]) => sum + (counted(name) ? size : 0), 0);
}
