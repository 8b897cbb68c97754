import { disposeParams, type Precision, param, randomStream, requireOption, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Checkpoint, CheckpointInterval, CheckpointStore } from "./checkpoint.js";
import type { BatchSource, ImageBatch } from "./loader.js";
import type { EpochInput, Method } from "./method.js";
import { type NotFiniteReport, notFiniteError } from "./not-finite.js";
import type { Optimizer } from "./optimizer.js";
import { type RunRecord, requireSameRun, runRecord } from "./run-record.js";
import type { Schedule } from "./schedules.js";
import {
  applyStep,
  type ComputedStep,
  computeStep,
  disposeState,
  disposeStep,
  initState,
  replaced,
  type StepInput,
  type StepSettings,
  type TrainState,
} from "./step.js";

/** What is trained how long, fully decided: `pretrain` and `finetune` fill in their defaults. */
export interface TrainPlan {
  readonly totalSteps: number;
  readonly learningRate: Schedule;
  readonly weightDecay: Schedule;
  /** Of the teacher; unused without one. */
  readonly momentum: Schedule;
  readonly optimizer: Optimizer;
  /** What the run's random streams are named by, beside the seed. */
  readonly stream: string;
}

/** How a run is watched, saved, stopped and gone on with; common to all kinds of training. */
export interface RunOptions {
  /** Of matrix products (default "float32"; "bfloat16" is faster): see `withPrecision` of `@sitjs/core`. */
  precision?: Precision;
  /** Any safe integer (default 0). */
  seed?: number;
  /** Saves states while it runs. */
  checkpoints?: CheckpointStore | undefined;
  /** When, apart from the end (default every 10 epochs, and every 15 minutes). */
  checkpointEvery?: CheckpointInterval;
  /** Begin with this state, which the run takes over, in place of a random one. */
  initial?: TrainState | undefined;
  /** Go on from here: the run takes its state over, and must be the same run. Not beside `initial`. */
  resume?: Checkpoint | undefined;
  /** Stops the run after the step it is in: the state is saved, then its reason is thrown. */
  signal?: AbortSignal | undefined;
  /** How many batches of the run may be left out since their loss or gradient is not finite (default 0). */
  skipNotFinite?: number;
  /** Told each such batch, the one that ends the run included. */
  onNotFinite?: ((report: NotFiniteReport) => void) | undefined;
  /**
   * Told each step before its state may be saved, and waited for: a log that is written here is never behind the last
   * checkpoint, whenever the process is killed. The state is borrowed. What it throws ends the run.
   */
  onStep?: ((report: StepReport) => void | Promise<void>) | undefined;
}

/** What is told after every step. */
export interface StepReport extends StepSettings {
  readonly epoch: number;
  /** From 0. */
  readonly step: number;
  readonly totalSteps: number;
  /** `loss` and its parts. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Euclidean norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** True where loss or gradient were not finite, and the state is as before. */
  readonly skipped: boolean;
  /** Over the last steps, images (not views) per second, loading included. */
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
  /** True for the last step of an epoch and of the run. */
  readonly epochEnd: boolean;
  /** The state after this step: borrowed, alive until the next step; the last one belongs to the caller. */
  readonly state: TrainState;
}

/**
 * Trains: yields a report after every step. Stop by leaving the loop, which disposes the state, or by the signal, which
 * saves it first. An error of the loader or the engine saves it too: no step done is lost.
 *
 * @throws SitError "not-finite" where loss or gradient are NaN or infinite, naming step, parts, learning rate, gradient
 * norms and images (its `cause` is a `NotFiniteReport`); the state is not updated then, and saved
 * @throws SitError "bad-option" where `resume` belongs to a run with other settings, naming each
 */
export async function* train(
  method: Method,
  loader: BatchSource,
  plan: TrainPlan,
  options: RunOptions,
): AsyncGenerator<StepReport, void, void> {
  const {
    seed = 0,
    precision = "float32",
    checkpoints,
    skipNotFinite = 0,
    initial,
    resume,
    signal,
  } = options;
  const { totalSteps, optimizer, learningRate, weightDecay, momentum } = plan;
  const atMost = Number.isSafeInteger(skipNotFinite) && skipNotFinite >= 0;
  requireOption(atMost, "skipNotFinite", "a whole number of batches, 0 or more", skipNotFinite);
  requireOption(!(initial && resume), "initial", "no resume beside it", "both");
  const schedules = { learningRate, weightDecay, momentum };
  const root = randomStream(seed, plan.stream);
  const { stepsPerEpoch } = loader;
  const frozenSteps = (name: string) => method.frozenSteps?.(name, { totalSteps, stepsPerEpoch }) ?? 0;
  const settingsAt = (step: number): StepSettings => ({
    learningRate: learningRate(step),
    weightDecay: weightDecay(step),
    momentum: momentum(step),
    precision,
  });
  const due = saveTimes(options.checkpointEvery ?? { epochs: 10, minutes: 15 }, loader.stepsPerEpoch);

  let state = resume?.state ?? initial ?? initState(method, optimizer, root.fork("init"));
  const { student: params } = state;
  const recorded = { method, params, optimizer, loader, seed, precision, totalSteps, schedules, frozenSteps };
  let saved = state.step;
  let since = means();
  let finished = false;
  const save = async (run: RunRecord | undefined) => {
    if (checkpoints === undefined || run === undefined || saved === state.step) return;
    const { step, skipped } = state;
    await checkpoints.save(state, {
      step,
      totalSteps,
      epoch: Math.floor(step / loader.stepsPerEpoch),
      batch: step % loader.stepsPerEpoch,
      skipped,
      metrics: since.values(),
      ...scheduled(settingsAt(Math.max(0, step - 1))),
      run,
    });
    saved = step;
    since = means();
    due.reset();
  };
  const clock = stepClock(loader.batchSize);
  let batches: AsyncIterator<ImageBatch> | undefined;
  try {
    // Told to nobody else: a loader may have to look at all its files.
    const run = checkpoints || resume ? await runRecord(recorded) : undefined;
    if (resume && run) requireSameRun(resume.run, run);
    requireOption(state.step <= totalSteps, "initial", `a state of at most ${totalSteps} steps`, state.step);
    signal?.throwIfAborted();
    await checkpoints?.open?.();
    batches = loader.range(state.step, totalSteps, signal && { signal })[Symbol.asyncIterator]();
    while (state.step < totalSteps) {
      const { step } = state;
      const settings = settingsAt(step);
      const epoch = Math.floor(step / loader.stepsPerEpoch);
      let batch: ImageBatch;
      let computed: ComputedStep;
      try {
        if (step % stepsPerEpoch === 0 && method.startEpoch) {
          state = await startEpoch(method.startEpoch.bind(method), state, loader, {
            position: { step, totalSteps, stepsPerEpoch, epoch },
            rng: root.fork("epoch", epoch),
            signal,
          });
        }
        batch = await nextBatch(batches, signal);
        const at = { rng: root.fork("step", step), totalSteps, stepsPerEpoch };
        computed = computeBatch(method, state, batch, at, settings);
      } catch (error) {
        // The state is as the last step has left it, whatever has happened to the images or the engine. What has gone
        // wrong first is what the caller should hear of.
        await save(run).catch(() => undefined);
        throw error;
      }
      const metrics = await numbers(computed.metrics);
      const norms = await computed.norms.data();
      const gradientNorm = Math.hypot(...norms);
      const skipped = !Object.values(metrics).every(Number.isFinite) || !Number.isFinite(gradientNorm);
      if (skipped) {
        const names = Object.keys(computed.gradients);
        disposeStep(computed);
        const report: NotFiniteReport = {
          step,
          epoch,
          metrics,
          learningRate: settings.learningRate,
          weightDecay: settings.weightDecay,
          gradientNorms: Object.fromEntries(names.map((name, i) => [name, norms[i] as number])),
          images: Array.from(batch.indices, (index) => loader.nameOf?.(index) ?? String(index)),
          skipped: state.skipped < skipNotFinite,
          skippedSoFar: state.skipped + 1,
        };
        options.onNotFinite?.(report);
        if (!report.skipped) {
          // As it was before this batch: to go on where such batches are left out.
          await save(run).catch(() => undefined);
          throw notFiniteError(report, skipNotFinite);
        }
        state = { ...state, step: step + 1, skipped: state.skipped + 1 };
      } else {
        for (const metric of Object.values(computed.metrics)) metric.dispose();
        state = applyStep(optimizer, state, computed, { ...settings, frozenSteps });
        since.add(metrics);
      }
      loader.release?.(batch);
      const last = step + 1 === totalSteps;
      const epochEnd = last || (step + 1) % loader.stepsPerEpoch === 0;
      const imagesPerSecond = clock.tick();
      const secondsLeft = ((totalSteps - step - 1) * loader.batchSize) / imagesPerSecond;
      const where = { epoch, step, totalSteps, imagesPerSecond, secondsLeft, epochEnd };
      const report: StepReport = { ...settings, ...where, metrics, gradientNorm, skipped, state };
      await options.onStep?.(report);
      if (last || due.now(step + 1)) await save(run);
      finished = last;
      yield report;
      if (!last && signal?.aborted) {
        await save(run);
        throw signal.reason;
      }
    }
  } finally {
    if (!finished) disposeState(state);
    await batches?.return?.();
  }
}

function scheduled({ learningRate, weightDecay, momentum }: StepSettings) {
  return { learningRate, weightDecay, momentum };
}

/** The state with what the method says of the epoch; the state given is gone, unless this throws. */
async function startEpoch(
  find: NonNullable<Method["startEpoch"]>,
  state: TrainState,
  loader: BatchSource,
  { position, rng, signal }: Pick<EpochInput, "position" | "rng"> & { signal: AbortSignal | undefined },
): Promise<TrainState> {
  const { step, stepsPerEpoch, totalSteps } = position;
  const end = Math.min(step + stepsPerEpoch, totalSteps);
  async function* batches(): AsyncIterable<ImageBatch> {
    for await (const batch of loader.range(step, end, signal && { signal })) {
      signal?.throwIfAborted();
      yield batch;
      loader.release?.(batch);
    }
  }
  const found = await find({ student: state.student, position, rng, batches });
  const next = { ...state, student: replaced(state.student, found) };
  disposeParams(state.student);
  return next;
}

/** The loader's next batch; rejects when the signal is aborted, whatever the loader is waiting for. */
async function nextBatch(
  batches: AsyncIterator<ImageBatch>,
  signal: AbortSignal | undefined,
): Promise<ImageBatch> {
  const next = batches.next();
  const result = signal === undefined ? await next : await Promise.race([next, aborted(signal, next)]);
  if (result.done) {
    throw new SitError("bad-option", "loader: expected a batch for every step of the run, got the end");
  }
  return result.value;
}

/** Rejects with the signal's reason; forgets the signal when `other` is settled. */
function aborted(signal: AbortSignal, other: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    const forget = () => signal.removeEventListener("abort", stop);
    other.then(forget, forget);
  });
}

function computeBatch(
  method: Method,
  state: TrainState,
  batch: ImageBatch,
  run: Omit<StepInput, "views" | "indices" | "labels" | "targets">,
  settings: StepSettings,
): ComputedStep {
  const views = viewTensors(batch, method.views);
  try {
    const { indices, labels, targets } = batch;
    return computeStep(method, state, { ...run, views, indices, labels, targets }, settings);
  } finally {
    for (const view of views) view.dispose();
  }
}

function viewTensors(batch: ImageBatch, wanted: number): tf.Tensor4D[] {
  if (batch.views.length < wanted) {
    throw new SitError(
      "bad-option",
      `loader: expected ${wanted} views of each image, got ${batch.views.length}`,
    );
  }
  return batch.views.slice(0, wanted).map(({ data, shape }) => tf.tensor4d(data, [...shape]));
}

async function numbers(scalars: Readonly<Record<string, tf.Scalar>>): Promise<Record<string, number>> {
  const entries: [string, number][] = [];
  for (const name of Object.keys(scalars)) {
    const [value] = await param(scalars, name).data();
    entries.push([name, value as number]);
  }
  return Object.fromEntries(entries);
}

/** When to save: a clock, and a count of steps. */
function saveTimes({ epochs, steps, minutes }: CheckpointInterval, stepsPerEpoch: number) {
  for (const [name, value] of Object.entries({ epochs, steps, minutes })) {
    requireOption(value === undefined || value > 0, `checkpointEvery.${name}`, "a number above 0", value);
  }
  let last = performance.now();
  const stepsBetween = [steps ?? 0, Math.round((epochs ?? 0) * stepsPerEpoch)].filter((every) => every > 0);
  return {
    now: (step: number) =>
      stepsBetween.some((every) => step % every === 0) ||
      (minutes !== undefined && performance.now() - last >= 60_000 * minutes),
    reset() {
      last = performance.now();
    },
  };
}

/** Means of named numbers. */
function means() {
  const sums: Record<string, number> = {};
  let count = 0;
  return {
    add(metrics: Readonly<Record<string, number>>) {
      for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value;
      count++;
    },
    values: () => Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / count])),
  };
}

/** Images per second over the last few seconds. */
function stepClock(batchSize: number): { tick(): number } {
  const times = [performance.now()];
  return {
    tick() {
      times.push(performance.now());
      if (times.length > 51) times.shift();
      const seconds = ((times.at(-1) as number) - (times[0] as number)) / 1000;
      return ((times.length - 1) * batchSize) / Math.max(seconds, 1e-9);
    },
  };
}
