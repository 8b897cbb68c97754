import {
  applyRules,
  type FlatLayout,
  flatLayout,
  flatten,
  type GroupRule,
  hasKernel,
  holdsAlone,
  type Params,
  type Part,
  param,
  requireOption,
  runKernel,
  tidy,
  trainable,
  unflatten,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { numbered } from "./numbered.js";

/** How a parameter is treated by the optimizer. */
export interface ParameterGroup {
  /** Factor on the weight decay: 1 or 0, usually. */
  readonly weightDecay: number;
  /** Factor on the learning rate (layer-wise decay; 0 freezes). */
  readonly learningRate: number;
}

/** Weight decay on everything with more than one axis (class token and positions too), none on the rest: SiT, DINO. */
export const matrixDecayRules: readonly GroupRule<ParameterGroup>[] = [
  {
    covers: "matrices and embeddings",
    matches: (_, shape) => shape.length > 1,
    value: { weightDecay: 1, learningRate: 1 },
  },
  {
    covers: "biases, norms and scalars",
    matches: (_, shape) => shape.length <= 1,
    value: { weightDecay: 0, learningRate: 1 },
  },
];

/** The class token and position embeddings, by their name's last part. */
const isEmbedding = (name: string) => /(^|\.)(cls_token|pos_embed|relative_position_bias_table)$/.test(name);

/** Weight decay on weights alone: none on biases, norms, the class token and positions (DeiT, MAE's fine-tuning, BEiT). */
export const weightDecayRules: readonly GroupRule<ParameterGroup>[] = [
  {
    covers: "class token and positions",
    matches: isEmbedding,
    value: { weightDecay: 0, learningRate: 1 },
  },
  ...matrixDecayRules,
];

/** Weight decay on every parameter, biases and norms too: MoCo v3. */
export const fullDecayRules: readonly GroupRule<ParameterGroup>[] = [
  { covers: "all parameters", matches: () => true, value: { weightDecay: 1, learningRate: 1 } },
];

/** Gradient clipping: each parameter's norm by itself (SiT, DINO) or the norm of all together (SimMIM). */
export type GradientClipping = { readonly perParameter: number } | { readonly global: number };

/** What an optimizer remembers; every entry is saved in checkpoints. */
export type OptimizerState = Params;

export interface OptimizerStep {
  /** New tensors that belong to the caller. */
  readonly params: Params;
  readonly state: OptimizerState;
}

export interface OptimizerInput {
  readonly params: Params;
  readonly gradients: Params;
  readonly state: OptimizerState;
  /** The number of this step, from 0. */
  readonly step: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** For how many of the first steps a parameter stays as it is (default: 0 for all); see `Method.frozenSteps`. */
  readonly frozenSteps?: ((name: string) => number) | undefined;
  /** `gradientNorms` of `gradients`, where the caller has them already; else taken where they are wanted. */
  readonly norms?: tf.Tensor1D;
  /**
   * The caller gives `params` and `state` up: their memory may become the result's, where no other tensor shares it
   * (default false). They still have to be disposed, and must not be read again.
   */
  readonly overwrite?: boolean;
}

export interface Optimizer extends Part {
  /** How it treats each parameter, by name; for records too, since rules are functions. */
  groups?(params: Params): ReadonlyMap<string, ParameterGroup>;
  init(params: Params): OptimizerState;
  /** One step; `gradients` and `params` have the same names. Nothing given is disposed, nor changed without `overwrite`. */
  update(input: OptimizerInput): OptimizerStep;
}

export interface AdamWOptions {
  /** Decay rates of both moments (default [0.9, 0.999]). */
  betas?: readonly [number, number];
  /** Added to the root of the second moment (default 1e-8). */
  epsilon?: number;
  clipping?: GradientClipping;
  /** Which parameters decay, and at which share of the learning rate (default `matrixDecayRules`). */
  rules?: readonly GroupRule<ParameterGroup>[];
}

/**
 * AdamW (Loshchilov and Hutter 2019) as in PyTorch: decoupled decay `p *= 1 - lr wd` before the step, moments
 * corrected by the step count.
 *
 * All parameters are joined into one vector, so that a step is a dozen operations whatever their number.
 */
export function adamW(options: AdamWOptions = {}): Optimizer {
  const { betas = [0.9, 0.999], epsilon = 1e-8, clipping, rules = matrixDecayRules } = options;
  const [beta1, beta2] = betas;
  requireOption(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "betas", "two numbers in [0, 1)", betas);
  return {
    name: "adamw",
    settings: { betas, epsilon, clipping: clipping ?? "none" },
    groups: (params) => applyRules(trainable(params), rules),
    init(params) {
      const { total } = flatLayout(trainable(params));
      // Filled where it lies: `tf.zeros` would make it in JavaScript's memory first.
      const zeros = () => tidy(() => tf.fill([total], 0));
      return { first_moment: zeros(), second_moment: zeros() };
    },
    update(input) {
      const { params, gradients, state } = input;
      if (hasKernel("SitAdamW")) return fusedAdamW(input, { beta1, beta2, epsilon, clipping, rules });
      const layout = flatLayout(params);
      const plan = parameterPlan(updatesOf(input, { beta1, beta2, rules }), layout);
      return tf.tidy(() => {
        const clipped = clip(gradients, layout, clipping, input.norms);
        const gradient = flatten(clipped, layout);
        const first = tf.add(tf.mul(param(state, "first_moment"), beta1), tf.mul(gradient, 1 - beta1));
        const second = tf.add(
          tf.mul(param(state, "second_moment"), beta2),
          tf.mul(tf.square(gradient), 1 - beta2),
        );
        const root = tf.add(
          tf.mul(
            tf.sqrt(second),
            plan(({ root }) => root),
          ),
          epsilon,
        );
        const direction = tf.div(first, root);
        const old = flatten(params, layout);
        const decay = plan(({ decay }) => decay);
        const rate = plan(({ rate }) => rate);
        const next = tf.sub(tf.mul(old, decay), tf.mul(direction, rate)) as tf.Tensor1D;
        return { params: unflatten(next, layout), state: { first_moment: first, second_moment: second } };
      });
    },
  };
}

interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly clipping: GradientClipping | undefined;
  readonly rules: readonly GroupRule<ParameterGroup>[];
}

/** The whole step, clipping included, in one call of the engine's kernel. */
function fusedAdamW(input: OptimizerInput, settings: AdamWSettings): OptimizerStep {
  const { params, gradients, state, overwrite = false } = input;
  const { beta1, beta2, epsilon, clipping } = settings;
  const names = Object.keys(params);
  const updates = updatesOf(input, settings);
  const each = (value: (update: ParameterUpdate) => number): tf.Tensor1D =>
    tf.tensor1d(
      names.map((name) => value(updates.get(name) as ParameterUpdate)),
      "float32",
    );
  return tidy(() => {
    const inputs = {
      ...numbered("parameter", names, params),
      ...numbered("gradient", names, gradients),
      first: param(state, "first_moment"),
      second: param(state, "second_moment"),
      settings: tf.tensor1d([
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        epsilon,
        clipping && "perParameter" in clipping ? clipping.perParameter : 0,
        clipping && "global" in clipping ? clipping.global : 0,
      ]),
      decay: each(({ decay }) => decay),
      rate: each(({ rate }) => rate),
      root: each(({ root }) => root),
      norms:
        clipping === undefined
          ? tf.tensor1d([], "float32")
          : (input.norms ?? gradientNorms(gradients, names)),
    };
    const outputs = runKernel("SitAdamW", inputs, {
      overwrite: overwrite && [...Object.values(params), ...Object.values(state)].every(holdsAlone),
    });
    const [first_moment, second_moment] = outputs.slice(names.length) as [tf.Tensor, tf.Tensor];
    return {
      params: Object.fromEntries(names.map((name, i) => [name, outputs[i] as tf.Tensor])),
      state: { first_moment, second_moment },
    };
  });
}

/**
 * The Euclidean norm of each gradient: [names]. Its own pass over all of them, so take it once a step.
 *
 * @param names whose, in which order; default: those of `gradients`
 */
export function gradientNorms(
  gradients: Params,
  names: readonly string[] = Object.keys(gradients),
): tf.Tensor1D {
  return tidy(() => {
    if (hasKernel("SitNorms")) {
      return (runKernel("SitNorms", numbered("gradient", names, gradients)) as [tf.Tensor1D])[0];
    }
    const squares = names.map((name) => tf.sum(tf.square(param(gradients, name))));
    return tf.sqrt(tf.stack(squares)) as tf.Tensor1D;
  });
}

/** Clips as asked; returns the same tensors where nothing is asked. Call inside `tf.tidy`. */
export function clip(
  gradients: Params,
  layout: FlatLayout,
  clipping: GradientClipping | undefined,
  norms?: tf.Tensor1D,
): Params {
  if (clipping === undefined) return gradients;
  const each = norms ?? gradientNorms(gradients, layout.names);
  if ("global" in clipping) {
    const norm = tf.sqrt(tf.sum(tf.square(each)));
    const factor = tf.minimum(tf.div(clipping.global, tf.add(norm, 1e-6)), 1);
    return mapParams(gradients, layout, (gradient) => tf.mul(gradient, factor));
  }
  const factors = tf.unstack(tf.minimum(tf.div(clipping.perParameter, tf.add(each, 1e-6)), 1));
  return mapParams(gradients, layout, (gradient, i) => tf.mul(gradient, factors[i] as tf.Tensor));
}

function mapParams(
  params: Params,
  layout: FlatLayout,
  f: (tensor: tf.Tensor, index: number) => tf.Tensor,
): Params {
  return Object.fromEntries(layout.names.map((name, i) => [name, f(param(params, name), i)]));
}

/** What AdamW does with a parameter in this step: `p x decay - rate x m / (sqrt(v) x root + epsilon)`. */
interface ParameterUpdate {
  readonly decay: number;
  readonly rate: number;
  readonly root: number;
}

/** By name. A parameter's moments are corrected by the number of its own steps, those that it was frozen left out. */
function updatesOf(
  { params, step, learningRate, weightDecay, frozenSteps }: OptimizerInput,
  { beta1, beta2, rules }: Pick<AdamWSettings, "beta1" | "beta2" | "rules">,
): Map<string, ParameterUpdate> {
  const groups = applyRules(params, rules);
  const updates = [...groups].map(([name, group]): [string, ParameterUpdate] => {
    const own = step - (frozenSteps?.(name) ?? 0);
    if (own < 0) return [name, { decay: 1, rate: 0, root: 1 }];
    const rate = learningRate * group.learningRate;
    return [
      name,
      {
        decay: 1 - rate * weightDecay * group.weightDecay,
        rate: rate / (1 - beta1 ** (own + 1)),
        root: 1 / Math.sqrt(1 - beta2 ** (own + 1)),
      },
    ];
  });
  return new Map(updates);
}

/** Turns a number of each parameter into one of each element [total], or one number where all agree. */
function parameterPlan(updates: ReadonlyMap<string, ParameterUpdate>, layout: FlatLayout) {
  const inOrder = layout.names.map((name) => updates.get(name) as ParameterUpdate);
  return (value: (update: ParameterUpdate) => number): tf.Tensor => {
    const values = inOrder.map(value);
    if (values.every((entry) => entry === values[0])) return tf.scalar(values[0] ?? 0);
    const full = new Float32Array(layout.total);
    let offset = 0;
    layout.sizes.forEach((size, i) => {
      full.fill(values[i] as number, offset, offset + size);
      offset += size;
    });
    return tf.tensor1d(full);
  };
}

/**
 * Layer-wise learning-rate decay (Clark et al. 2020; as in BEiT and MAE): block i of `depth` gets
 * `decay^(depth - i)`, embeddings `decay^(depth + 1)`, everything after the blocks 1.
 *
 * @param prefix of the backbone's names, for example "backbone."
 * @param rules which parameters decay (default `matrixDecayRules`); their learning rate is multiplied by the layer's
 */
export function layerDecayRules(options: {
  depth: number;
  decay: number;
  prefix?: string;
  rules?: readonly GroupRule<ParameterGroup>[];
}): readonly GroupRule<ParameterGroup>[] {
  const { depth, decay, prefix = "", rules = matrixDecayRules } = options;
  const scales = layerScales(depth, decay);
  const layer = (name: string): number => {
    if (!name.startsWith(prefix)) return depth + 1;
    const inner = name.slice(prefix.length);
    if (inner === "cls_token" || inner === "pos_embed" || inner.startsWith("patch_embed.")) return 0;
    const block = /^blocks\.(\d+)\./.exec(inner);
    return block ? Number(block[1]) + 1 : depth + 1;
  };
  return Array.from({ length: depth + 2 }, (_, id) => id).flatMap((id) =>
    rules.map((rule) => ({
      covers: `layer ${id}: ${rule.covers}`,
      matches: (name: string, shape: readonly number[]) => layer(name) === id && rule.matches(name, shape),
      value: { ...rule.value, learningRate: rule.value.learningRate * (scales[id] as number) },
    })),
  );
}

/** The learning-rate factors of layer-wise decay, by layer: 0 embeddings, 1 … depth blocks, depth + 1 the rest. */
export function layerScales(depth: number, decay: number): number[] {
  return Array.from({ length: depth + 2 }, (_, id) => decay ** (depth + 1 - id));
}
