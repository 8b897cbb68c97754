import * as tf from "@tensorflow/tfjs";
import { SitError } from "./errors.js";
import type { Params } from "./module.js";

const bufferSuffixes = [
  "running_mean",
  "running_var",
  "num_batches_tracked",
  // DINO's centre of the teacher's outputs, DeepCluster's labels of the images.
  "center",
  "pseudo_labels",
];

/** True for state that is not trained, by its name: batch norm's running statistics and counts (PyTorch's), and its like. */
export function isBuffer(name: string): boolean {
  return bufferSuffixes.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/** The trained parameters, without buffers. */
export function trainable(params: Params): Params {
  return pick(params, (name) => !isBuffer(name));
}

/** The entries whose name passes. Tensors are shared, not copied. */
export function pick(params: Params, keep: (name: string) => boolean): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => keep(name)));
}

/** Every name with `prefix` put in front. Tensors are shared. */
export function withPrefix(prefix: string, params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([name, tensor]) => [prefix + name, tensor]));
}

/** The entries below `prefix`, with the prefix taken off. Tensors are shared. */
export function withoutPrefix(prefix: string, params: Params): Params {
  return Object.fromEntries(
    Object.entries(params)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/** A copy that owns its tensors. */
export function cloneParams(params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([name, tensor]) => [name, tf.clone(tensor)]));
}

export function disposeParams(params: Params): void {
  for (const tensor of Object.values(params)) tensor.dispose();
}

/** The number of elements in all tensors. */
export function countElements(params: Params): number {
  return Object.values(params).reduce((sum, tensor) => sum + tensor.size, 0);
}

/** The parameter of that name, or an error that lists what is there. */
export function param<T extends tf.Tensor = tf.Tensor>(params: Params, name: string): T {
  const tensor = params[name];
  if (tensor === undefined) {
    const known = Object.keys(params);
    const some = known.slice(0, 8).join(", ") + (known.length > 8 ? `, … (${known.length})` : "");
    throw new SitError("bad-parameters", `parameter ${name}: expected it, got only ${some || "none"}`);
  }
  return tensor as T;
}

/** One rule of a grouping: the first rule that matches a parameter gives its setting. */
export interface GroupRule<T> {
  /** What the rule covers, in words, for messages. */
  readonly covers: string;
  readonly matches: (name: string, shape: readonly number[]) => boolean;
  readonly value: T;
}

/** The setting of every parameter by the first matching rule; a parameter no rule covers is an error. */
export function applyRules<T>(params: Params, rules: readonly GroupRule<T>[]): ReadonlyMap<string, T> {
  const settings = new Map<string, T>();
  const uncovered: string[] = [];
  for (const [name, tensor] of Object.entries(params)) {
    const rule = rules.find((candidate) => candidate.matches(name, tensor.shape));
    if (rule) settings.set(name, rule.value);
    else uncovered.push(name);
  }
  if (uncovered.length > 0) {
    throw new SitError(
      "bad-parameters",
      `parameter rules: expected every parameter covered by one of [${rules.map((r) => r.covers).join("; ")}], ` +
        `not covered: ${uncovered.join(", ")}`,
    );
  }
  return settings;
}

/** Where each parameter lies in one flat vector; made once, used every step. */
export interface FlatLayout {
  readonly names: readonly string[];
  readonly shapes: readonly (readonly number[])[];
  readonly sizes: readonly number[];
  readonly total: number;
}

/** The layout of these parameters, in their own order. */
export function flatLayout(params: Params): FlatLayout {
  const names = Object.keys(params);
  const tensors = Object.values(params);
  const sizes = tensors.map((tensor) => tensor.size);
  return {
    names,
    shapes: tensors.map((tensor) => tensor.shape),
    sizes,
    total: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** All parameters of the layout joined into one vector [total]. */
export function flatten(params: Params, layout: FlatLayout): tf.Tensor1D {
  return tf.tidy(() =>
    tf.concat1d(layout.names.map((name) => tf.reshape(param(params, name), [-1]) as tf.Tensor1D)),
  );
}

/** The vector [total] cut back into parameters of the layout. */
export function unflatten(vector: tf.Tensor1D, layout: FlatLayout): Params {
  return tf.tidy(() => {
    const parts = tf.split(vector, [...layout.sizes], 0);
    return Object.fromEntries(
      layout.names.map((name, i) => [name, tf.reshape(parts[i] as tf.Tensor, [...(layout.shapes[i] ?? [])])]),
    );
  });
}
