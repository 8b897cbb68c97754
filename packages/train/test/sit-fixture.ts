// The fixtures of whole SiT steps: what their files hold, as this package's own method, state and views.
import { type Corruption, disposeParams, type Precision, pick, randomStream } from "@sitjs/core";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import type { Fixture } from "../../../fixtures/load.js";
import { toTensors } from "../../../fixtures/tensors.js";
import type { Method } from "../src/method.js";
import { sit } from "../src/methods/sit.js";
import { adamW } from "../src/optimizer.js";
import { cosineSchedule } from "../src/schedules.js";
import { type TrainState, trainStep } from "../src/step.js";

export interface Config {
  img: number;
  patch: number;
  dim: number;
  depth: number;
  heads: number;
  out_dim: number;
  hidden: number;
  batch: number;
  lmbda: number;
  temp: number;
  clip: number;
  lr: number;
  wd: number;
  momentum: number;
  steps: number;
  schedules: Record<"lr" | "weight_decay" | "momentum", Record<string, number>>;
}

/** A corruption that gives the fixture's images and masks, view after view. */
export function recorded(images: tf.Tensor4D, mask: tf.Tensor4D, batch: number): Corruption {
  let view = 0;
  return {
    name: "recorded",
    corrupt() {
      const start = (view++ % 2) * batch;
      return {
        images: tf.slice4d(images, [start, 0, 0, 0], [batch, -1, -1, -1]),
        mask: tf.slice4d(mask, [start, 0, 0, 0], [batch, -1, -1, -1]),
      };
    },
  };
}

export function methodOf(config: Config, corruption: Corruption): Method {
  const { dim: width, patch: patchSize } = config;
  return sit({
    backbone: visionTransformer({
      imageSize: config.img,
      patchSize,
      channels: 3,
      width,
      depth: config.depth,
      heads: config.heads,
      dropPath: 0,
    }),
    corruption,
    reconstruction: {
      head: reconstructionHead({ variant: "official", width, patchSize, channels: 3 }),
      loss: maskedL1(),
    },
    contrast: {
      head: projectionHead({ variant: "official", width, hidden: config.hidden, output: config.out_dim }),
      loss: crossViewNtXent({ temperature: config.temp }),
    },
    alpha: config.lmbda,
  });
}

/** [n, 3, h, w] to [n, h, w, 3]. */
const images = (entry: tf.Tensor): tf.Tensor4D =>
  tf.tidy(() => tf.transpose(entry, [0, 2, 3, 1])) as tf.Tensor4D;

export function stateOf(fixture: Fixture): TrainState {
  const student = toTensors(fixture.under("student/"));
  const all = toTensors(fixture.under("teacher/"));
  const teacher = pick(all, (name) => name.startsWith("backbone.") || name.startsWith("head."));
  disposeParams(pick(all, (name) => !(name in teacher)));
  const optimizer = adamW().init(student);
  return { student, teacher, optimizer, step: 0, skipped: 0 };
}

/** The fixture's first step: the method that sees what was recorded, its views and its state. */
export function stepOf(fixture: Fixture): {
  config: Config;
  method: Method;
  views: tf.Tensor4D[];
  state: TrainState;
} {
  const config = fixture.json.config as unknown as Config;
  const input = toTensors(fixture.under("in/"));
  const clean = images(input.clean as tf.Tensor);
  const corrupted = images(input.corrupted as tf.Tensor);
  const mask = tf.slice4d(images(input.masks as tf.Tensor), [0, 0, 0, 0], [-1, -1, -1, 1]);
  const method = methodOf(config, recorded(corrupted, mask, config.batch));
  const views = [0, 1].map((view) =>
    tf.slice4d(clean, [view * config.batch, 0, 0, 0], [config.batch, -1, -1, -1]),
  );
  return { config, method, views, state: stateOf(fixture) };
}

export interface Trajectory {
  /** The metrics of every step. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
  /** After the last step; the caller disposes it. */
  readonly state: TrainState;
  /** The sum of all learning rates. */
  readonly rates: number;
}

/** All steps of the fixture with its schedules. */
export function trajectoryOf(fixture: Fixture, precision: Precision = "float32"): Trajectory {
  const config = fixture.json.config as unknown as Config;
  const { lr, weight_decay, momentum } = config.schedules;
  const steps = (lr.epochs as number) * (lr.niter_per_ep as number);
  const schedule = ({ base_value, final_value, warmup_epochs = 0, niter_per_ep }: Record<string, number>) =>
    cosineSchedule({
      base: base_value as number,
      final: final_value as number,
      steps,
      warmupSteps: warmup_epochs * (niter_per_ep as number),
    });
  const [rateAt, decayAt, momentumAt] = [schedule(lr), schedule(weight_decay), schedule(momentum)];
  const input = toTensors(fixture.under("in/"));
  const [size, batch] = [config.img, config.batch];
  const at = (name: string, step: number, channels: number): tf.Tensor4D => {
    const all = tf.reshape(input[name] as tf.Tensor, [config.steps, 2 * batch, channels, size, size]);
    const one = tf.slice(all, [step, 0, 0, 0, 0], [1, -1, -1, -1, -1]);
    return images(tf.cast(tf.reshape(one, [2 * batch, channels, size, size]), "float32"));
  };
  const optimizer = adamW({ clipping: { perParameter: config.clip } });
  let state = stateOf(fixture);
  let rates = 0;
  const metrics: Record<string, number>[] = [];
  for (let step = 0; step < config.steps; step++) {
    const clean = at("clean", step, 3);
    const method = methodOf(config, recorded(at("corrupted", step, 3), at("masks", step, 1), batch));
    const views = [0, 1].map((view) => tf.slice4d(clean, [view * batch, 0, 0, 0], [batch, -1, -1, -1]));
    const result = trainStep(
      method,
      optimizer,
      state,
      { views, rng: randomStream(0, "test", step) },
      {
        learningRate: rateAt(step),
        weightDecay: decayAt(step),
        momentum: momentumAt(step),
        precision,
      },
    );
    state = result.state;
    rates += rateAt(step);
    metrics.push(
      Object.fromEntries(
        Object.entries(result.metrics).map(([name, value]) => [name, value.dataSync()[0] as number]),
      ),
    );
  }
  return { metrics, state, rates };
}
