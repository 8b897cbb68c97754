import {
  type Backbone,
  disposeParams,
  type Params,
  printable,
  randomStream,
  SitError,
  tensorFromSafetensors,
} from "@sitjs/core";
import { resizePositions } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import type { WeightOrigin } from "./origins.js";
import { findPlaces, shorten } from "./places.js";
import type { ImportReport } from "./report.js";
import type { WeightSource } from "./source.js";

export interface ImportOptions {
  /** Whose names the file has; default "auto", by its names. */
  readonly from?: WeightOrigin | "auto" | undefined;
  /** The network the weights are for, as `visionTransformer` makes it. */
  readonly backbone: Backbone;
  /**
   * Which of several networks in the file: a part of its names' prefix, as "student", "teacher", "base_encoder" or
   * "momentum_encoder". Default: the one that the origin's own code evaluates.
   */
  readonly network?: string | undefined;
  /** Take initial values where the file lacks a parameter (default false: that is an error). */
  readonly allowMissing?: boolean;
  /** Seed of those (default 0). */
  readonly seed?: number;
  /** What to call the file in errors. */
  readonly source?: string;
}

export interface ImportedWeights {
  /** All of the backbone's parameters; the caller's. */
  readonly params: Params;
  /** A classifier, where the file has one; the caller's. */
  readonly head: ImportedHead | undefined;
  readonly report: ImportReport;
}

export interface ImportedHead {
  /**
   * "linear" and "two-layer" are for `classifierHead`; "average-norm" (timm's `fc_norm`) for `averageNormHead`.
   */
  readonly kind: "linear" | "two-layer" | "average-norm";
  readonly classes: number;
  readonly params: Params;
}

/**
 * Weights of another library or paper as parameters of one of our backbones. Names are mapped, queries, keys and values
 * joined, learned positions resized to the backbone's grid, 16-bit floats widened; nothing is guessed from shapes.
 *
 * @throws SitError "bad-option"; "bad-parameters" where the file has no network of this kind, several with none preferred,
 *   parameters of other shapes, or lacks some; "bad-file" for numbers that are not finite
 */
export async function importWeights(weights: WeightSource, options: ImportOptions): Promise<ImportedWeights> {
  const { from, backbone, network, allowMissing = false, seed = 0, source = "weights" } = options;
  const names = Object.keys(weights.tensors);
  const { origin, prefix, places, notUsed } = findPlaces(names, { from, network, source });

  const initial = backbone.init(randomStream(seed, "backbone"));
  const made: Record<string, tf.Tensor> = {};
  const report = { origin, prefix, used: [] as string[], resized: [] as string[], missing: [] as string[] };
  try {
    const hasHead = places.has("head.weight") || places.has("head.2.weight");
    const averaged = hasHead && places.has("head.norm.weight");
    for (const [name, parts] of places) {
      const ofHead = name.startsWith("head.");
      const expected = initial[name];
      if (ofHead ? !hasHead : expected === undefined) {
        notUsed.push(...parts);
        continue;
      }
      made[name] = await readPlace(weights, name, parts, source);
      if (name === "pos_embed" && expected !== undefined) resizeInto(made, expected, report.resized, source);
      if (expected !== undefined) requireSameShape(made[name] as tf.Tensor, expected, name, source);
      report.used.push(...parts);
    }
    // timm's averaged networks have no norm over all tokens: its place is behind the average.
    const absent = Object.keys(initial).filter((name) => made[name] === undefined);
    report.missing.push(...absent.filter((name) => !(averaged && name.startsWith("norm."))));
    if (report.missing.length > 0 && !allowMissing) {
      throw new SitError(
        "bad-parameters",
        `${source}: expected all parameters of ${backbone.name}, ${shorten(report.missing)} missing`,
        { mend: "Give the backbone the options of the network in the file, or allowMissing." },
      );
    }
    for (const name of absent) made[name] = tf.clone(initial[name] as tf.Tensor);
    const params: Record<string, tf.Tensor> = {};
    const head: Record<string, tf.Tensor> = {};
    for (const [name, tensor] of Object.entries(made)) {
      if (name.startsWith("head.")) head[name.slice("head.".length)] = tensor;
      else params[name] = tensor;
    }
    return {
      params,
      head: hasHead ? headOf(head, averaged) : undefined,
      report: { ...report, notUsed },
    };
  } catch (error) {
    disposeParams(made);
    throw error;
  } finally {
    disposeParams(initial);
  }
}

function headOf(params: Params, averaged: boolean): ImportedHead {
  const last = params.weight ?? (params["2.weight"] as tf.Tensor);
  const kind = averaged ? "average-norm" : params.weight ? "linear" : "two-layer";
  return { kind, classes: last.shape[0] as number, params };
}

async function readPlace(
  weights: WeightSource,
  name: string,
  parts: readonly (string | undefined)[],
  source: string,
): Promise<tf.Tensor> {
  const read: tf.Tensor[] = [];
  try {
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (part === undefined) {
        throw new SitError(
          "bad-parameters",
          `${source}: expected queries, keys and values for ${name}, got some`,
        );
      }
      const label = `${source}: ${printable(part)}`;
      const tensor = tensorFromSafetensors(await weights.read(part), label);
      read.push(tensor);
      await requireFinite(tensor, label);
    }
    const [first] = read as [tf.Tensor];
    return read.length === 1 ? tf.clone(first) : tf.concat(read, 0);
  } finally {
    tf.dispose(read);
  }
}

/**
 * A network with one number that is none gives none for any image.
 * @throws SitError "bad-file"
 */
export async function requireFinite(tensor: tf.Tensor, label: string): Promise<void> {
  if (tensor.dtype !== "float32") return;
  const values = (await tensor.data()) as Float32Array;
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new SitError("bad-file", `${label}: expected finite numbers, got ${values[at]} at ${at}`);
}

/** Positions of another grid, and positions of the patches alone, as the backbone has them. */
function resizeInto(
  made: Record<string, tf.Tensor>,
  expected: tf.Tensor,
  resized: string[],
  source: string,
): void {
  const before = made.pos_embed as tf.Tensor;
  const [, wanted = 0, width] = expected.shape;
  const [batch, count = 0, features] = before.shape;
  if (before.rank !== 3 || batch !== 1 || features !== width || count === wanted) return;
  const side = (patches: number) => Math.round(Math.sqrt(patches));
  const isSquare = (patches: number) => patches > 0 && side(patches) ** 2 === patches;
  // timm's `no_embed_class`: the class-like token has no position, which is a position of zeros.
  const tokenless = !isSquare(count - 1) && isSquare(count);
  const patches = tokenless ? count : count - 1;
  if (!isSquare(patches)) {
    throw new SitError(
      "bad-parameters",
      `${source}: expected pos_embed of a square grid, with a class token or without, got [${before.shape}]`,
    );
  }
  const after = tf.tidy(() => {
    const whole = tokenless ? tf.concat([tf.zeros([1, 1, width as number]), before], 1) : before;
    const grids = { from: side(patches), to: side(wanted - 1) };
    return resizePositions({ pos_embed: whole }, grids).pos_embed as tf.Tensor;
  });
  before.dispose();
  made.pos_embed = after;
  resized.push(`pos_embed: [${before.shape.join(", ")}] to [${after.shape.join(", ")}]`);
}

function requireSameShape(got: tf.Tensor, expected: tf.Tensor, name: string, source: string): void {
  if (got.dtype === "float32" && tf.util.arraysEqual(got.shape, expected.shape)) return;
  throw new SitError(
    "bad-parameters",
    `${source}: expected ${name} as float32 [${expected.shape.join(", ")}], got ${got.dtype} [${got.shape.join(", ")}]`,
    { mend: "Give the backbone the options of the network in the file." },
  );
}
