import { SitError } from "@sitjs/core";
import { describeJson, parseJsonBytes } from "@sitjs/core/json";
import type { CheckpointProgress } from "../checkpoint.js";
import type { RunRecord } from "../run-record.js";

/** Names the format, with its version: a reader refuses what it does not know. */
export const FORMAT = "sitjs-checkpoint-1";

/** A number of a checkpoint's `metrics`, and which end of it is better. */
export interface CheckpointMetric {
  readonly metric: string;
  /** True: the lowest is the best. */
  readonly lowest: boolean;
}

/** What a checkpoint says of itself: `checkpoint.json`. */
export interface CheckpointInfo extends CheckpointProgress {
  readonly format: typeof FORMAT;
  /** What the run was made with, as given to `checkpointFolder`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, string>>;
  /** tfjs's name of what computed; other engines round otherwise. */
  readonly backend: string;
  /** When, as ISO 8601. */
  readonly saved: string;
  /** The tensors' file. */
  readonly file: { readonly name: string; readonly bytes: number; readonly sha256: string };
}

/** No checkpoint's description is longer; a longer file is refused before it is parsed. */
const MAXIMUM_BYTES = 16_000_000;

type Check = (value: unknown) => boolean;

const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const number: Check = (value) => Number.isFinite(value);
const text: Check = (value) => typeof value === "string";
const plain: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const all =
  (check: Check): Check =>
  (value) =>
    plain(value) && Object.values(value as object).every(check);
const series: Check = (value) => Array.isArray(value) && value.every(number);

const fields: Readonly<Record<keyof CheckpointInfo, readonly [Check, string]>> = {
  format: [(value) => value === FORMAT, FORMAT],
  step: [whole, "a whole number"],
  totalSteps: [whole, "a whole number"],
  epoch: [whole, "a whole number"],
  batch: [whole, "a whole number"],
  skipped: [whole, "a whole number"],
  metrics: [all(number), "numbers by name"],
  learningRate: [number, "a number"],
  weightDecay: [number, "a number"],
  momentum: [number, "a number"],
  run: [plain, "an object"],
  settings: [plain, "an object"],
  versions: [all(text), "texts by name"],
  backend: [text, "a text"],
  saved: [text, "a text"],
  file: [plain, "an object"],
};

/** What earlier versions have not written. */
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const treated: Check = (value) =>
  Array.isArray(value) &&
  value.every(
    (group) =>
      plain(group) && plain(group.treatment) && Array.isArray(group.names) && group.names.every(text),
  );

const runFields: Readonly<Record<keyof RunRecord, readonly [Check, string]>> = {
  method: [text, "a text"],
  methodSettings: [optional(plain), "an object"],
  backbone: [optional(plain), "an object"],
  optimizer: [text, "a text"],
  optimizerSettings: [plain, "an object"],
  loader: [optional(plain), "an object"],
  parameters: [optional(treated), "lists of names with how they are treated"],
  seed: [(value) => Number.isSafeInteger(value), "a whole number"],
  precision: [(value) => value === "float32" || value === "bfloat16", "float32 or bfloat16"],
  batchSize: [whole, "a whole number"],
  stepsPerEpoch: [whole, "a whole number"],
  totalSteps: [whole, "a whole number"],
  learningRate: [series, "numbers"],
  weightDecay: [series, "numbers"],
  momentum: [series, "numbers"],
};

const fileFields: Readonly<Record<keyof CheckpointInfo["file"], readonly [Check, string]>> = {
  name: [text, "a text"],
  bytes: [whole, "a whole number"],
  sha256: [(value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value), "64 hexadecimal digits"],
};

/**
 * Reads `checkpoint.json`; every field is checked.
 *
 * @param source what to call the file in errors
 * @throws SitError "bad-file" naming the field, what was expected, and what came
 */
export function parseCheckpointInfo(bytes: Uint8Array, source: string): CheckpointInfo {
  const fail = (expected: string, got: string): never => {
    throw new SitError("bad-file", `${source}: expected ${expected}, got ${got}`);
  };
  if (bytes.byteLength > MAXIMUM_BYTES) fail(`at most ${MAXIMUM_BYTES} bytes`, `${bytes.byteLength}`);
  const info = parseJsonBytes(bytes, source);
  const check = (
    value: unknown,
    checks: Readonly<Record<string, readonly [Check, string]>>,
    where: string,
  ) => {
    if (!plain(value)) fail(`an object${where && ` as ${where.slice(0, -1)}`}`, describeJson(value));
    for (const [name, [accepts, expected]] of Object.entries(checks)) {
      const entry = Object.hasOwn(value as object, name)
        ? (value as Record<string, unknown>)[name]
        : undefined;
      if (!accepts(entry)) fail(`${expected} as ${where}${name}`, describeJson(entry));
    }
  };
  check(info, fields, "");
  const { run, file, step, totalSteps } = info as CheckpointInfo;
  check(run, runFields, "run.");
  check(file, fileFields, "file.");
  if (step > totalSteps) fail(`at most ${totalSteps} steps`, `${step}`);
  return info as CheckpointInfo;
}
