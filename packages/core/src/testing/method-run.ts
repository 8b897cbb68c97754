// A method in training, as `@sitjs/train` trains it, by plain gradient descent: enough to see whether a method keeps to its
// contract, whatever the optimizer.
import * as tf from "@tensorflow/tfjs";
import type { Backbone, Params } from "../module.js";
import { tidy } from "../ops/backend.js";
import { valueAndGradients } from "../ops/backward.js";
import { cloneParams, trainable } from "../params.js";
import { type RandomStream, randomStream } from "../random.js";
import type { TestedPart } from "./settings-checks.js";
import { drawn } from "./values.js";

interface Position {
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly epoch: number;
}

interface Batch {
  readonly views: readonly {
    readonly data: Float32Array;
    readonly shape: readonly [number, number, number, number];
  }[];
  readonly indices: Int32Array;
  readonly labels?: Int32Array | undefined;
  readonly epoch: number;
  readonly step: number;
}

/** What the checks use of a way to train; a `Method` of `@sitjs/train` is one. */
export interface TestedMethod extends TestedPart {
  readonly backbone: Backbone;
  readonly backbonePrefix: string;
  readonly views: number;
  init(rng: RandomStream): Params;
  initTeacher(student: Params): Params | undefined;
  frozenSteps?(name: string, run: Pick<Position, "totalSteps" | "stepsPerEpoch">): number;
  startEpoch?(input: {
    readonly student: Params;
    readonly position: Position;
    readonly rng: RandomStream;
    batches(): AsyncIterable<Batch>;
  }): Promise<Params>;
  prepare(input: {
    readonly views: readonly tf.Tensor4D[];
    readonly indices?: Int32Array | undefined;
    readonly labels?: Int32Array | undefined;
    readonly student: Params;
    readonly teacher: Params | undefined;
    readonly rng: RandomStream;
    readonly position: Position;
  }): {
    loss(student: Params): {
      readonly loss: tf.Scalar;
      readonly parts: Readonly<Record<string, tf.Scalar>>;
      readonly buffers: Params;
    };
    readonly teacherBuffers: Params;
  };
  reconstruct?(
    student: Params,
    images: tf.Tensor4D,
    rng: RandomStream,
  ): { readonly corrupted: tf.Tensor4D; readonly mask: tf.Tensor4D; readonly reconstruction: tf.Tensor4D };
}

/** What a run changes. */
export interface RunState {
  readonly student: Params;
  readonly teacher: Params | undefined;
  readonly step: number;
}

export interface RunOptions {
  /** Sides of each view; default: the backbone's image size for all. */
  readonly sizes?: readonly number[];
  /** Classes of the images, for a method that looks at labels. */
  readonly classes?: number;
}

const BATCH = 4;
/** Images of the data set: two batches. */
export const IMAGES = 8;
const RUN = { totalSteps: 4, stepsPerEpoch: IMAGES / BATCH };

/** The state of step 0. */
export function begin(method: TestedMethod): RunState {
  const student = method.init(randomStream(0, "init"));
  const teacher = tidy(() => {
    const first = method.initTeacher(student);
    return first && cloneParams(first);
  });
  return { student, teacher, step: 0 };
}

const positionOf = (step: number): Position => ({
  ...RUN,
  step,
  epoch: Math.floor(step / RUN.stepsPerEpoch),
});

/** The batch of a step, the same each time. */
function batchOf({ views, backbone }: TestedMethod, step: number, { sizes, classes }: RunOptions) {
  const { epoch } = positionOf(step);
  const first = (step % RUN.stepsPerEpoch) * BATCH;
  const indices = Int32Array.from({ length: BATCH }, (_, i) => first + i);
  return {
    views: Array.from({ length: views }, (_, view) => {
      const side = sizes?.[view] ?? backbone.imageSize;
      return drawn<tf.Tensor4D>([BATCH, side, side, backbone.channels], `view ${view} of ${epoch}, ${first}`);
    }),
    indices,
    labels: classes === undefined ? undefined : indices.map((index) => index % classes),
  };
}

/** A batch of this step made ready from this state, as training does. */
export function prepared(method: TestedMethod, state: RunState, options: RunOptions = {}) {
  const { student, teacher, step } = state;
  const rng = randomStream(0, "step", step);
  return method.prepare({
    ...batchOf(method, step, options),
    student,
    teacher,
    rng,
    position: positionOf(step),
  });
}

/** What a batch says: copies of what `prepare` and `loss` give, and all gradients. */
export function computed(method: TestedMethod, state: RunState, options: RunOptions = {}) {
  return tidy(() => {
    const ready = prepared(method, state, options);
    const trained = trainable(state.student);
    const copies = { parts: {} as Params, buffers: {} as Params };
    // The tape's own scope takes all but the loss with it.
    let again = () => copies;
    const { value, gradients } = valueAndGradients(() => {
      const { loss, parts, buffers } = ready.loss(state.student);
      const [ofParts, ofBuffers] = [saved(parts), saved(buffers)];
      again = () => ({ parts: ofParts(), buffers: ofBuffers() });
      return loss;
    }, Object.values(trained));
    const byName = Object.keys(trained).map((name, i) => [
      name,
      gradients[i] ?? tf.zerosLike(trained[name] as tf.Tensor),
    ]);
    const found: Params = Object.fromEntries(byName);
    return { loss: value, gradients: found, ...again(), teacherBuffers: { ...ready.teacherBuffers } };
  });
}

/** The values of tensors, to be made anew. */
function saved(tensors: Params): () => Params {
  const entries = Object.entries(tensors).map(
    ([name, tensor]) => [name, tensor.dataSync(), tensor.shape, tensor.dtype] as const,
  );
  return () =>
    Object.fromEntries(
      entries.map(([name, values, shape, dtype]) => [name, tf.tensor(values, shape, dtype)]),
    );
}

/** The method's own work before an epoch, where it has any; else the state as it is. */
export async function epochStarted(
  method: TestedMethod,
  state: RunState,
  options: RunOptions = {},
): Promise<RunState> {
  const { step, student } = state;
  if (method.startEpoch === undefined || step % RUN.stepsPerEpoch !== 0) return state;
  async function* batches() {
    for (let of = step; of < step + RUN.stepsPerEpoch; of++) {
      const { views, indices, labels } = batchOf(method, of, options);
      const pixels = views.map((view) => ({ data: view.dataSync() as Float32Array, shape: view.shape }));
      tf.dispose(views);
      yield { views: pixels, indices, labels, epoch: positionOf(of).epoch, step: of };
    }
  }
  const rng = randomStream(0, "epoch", step);
  const next = await method.startEpoch({ student, position: positionOf(step), rng, batches });
  return { ...state, student: { ...student, ...next } };
}

const LEARNING_RATE = 0.05;
const MOMENTUM = 0.9;

/** One step of gradient descent; the teacher follows by momentum, buffers are replaced. */
export async function stepped(
  method: TestedMethod,
  from: RunState,
  options: RunOptions = {},
): Promise<RunState> {
  const state = await epochStarted(method, from, options);
  const { gradients, buffers, teacherBuffers } = computed(method, state, options);
  const moved = Object.entries(gradients).map(([name, gradient]) => [
    name,
    tf.sub(state.student[name] as tf.Tensor, tf.mul(gradient, LEARNING_RATE)),
  ]);
  const student: Params = { ...state.student, ...Object.fromEntries(moved), ...buffers };
  if (state.teacher === undefined) return { student, teacher: undefined, step: state.step + 1 };
  const followed = Object.entries(trainable(state.teacher)).map(([name, tensor]) => [
    name,
    tf.add(tf.mul(tensor, MOMENTUM), tf.mul(student[name] as tf.Tensor, 1 - MOMENTUM)),
  ]);
  const teacher: Params = { ...state.teacher, ...Object.fromEntries(followed), ...teacherBuffers };
  return { student, teacher, step: state.step + 1 };
}
