import * as tf from "@tensorflow/tfjs";
import type { ApplyContext, Params } from "../module.js";
import { valueAndGradients } from "../ops/backward.js";
import { isBuffer, pick, trainable } from "../params.js";
import { type RandomStream, randomStream } from "../random.js";
import { paramsFromSafetensors, paramsToSafetensors } from "../tensors.js";
import { type Check, type CheckBodies, checksOf, type Ensure, refusal } from "./check.js";
import { slope } from "./gradients.js";
import { leakedTensors } from "./leaks.js";
import { type SettingsCheckOptions, settingsBodies, type TestedPart } from "./settings-checks.js";
import { allFinite, bitsOf, bitsOfAll, drawn } from "./values.js";

/** A module as the checks call it: a backbone, a head. */
export interface TestedModule<Input, Output> extends TestedPart {
  init(rng: RandomStream): Params;
  apply(params: Params, input: Input, context: ApplyContext): Output;
}

export interface ModuleCheckOptions<Part, Input, Output> extends SettingsCheckOptions<Part> {
  /** What it is applied to, small: the same each time. */
  input(part: Part): Input;
  /** The tensors of an input. */
  inputs(input: Input): readonly tf.Tensor[];
  /** Every tensor of an output, by name. */
  outputs(output: Output): Readonly<Record<string, tf.Tensor>>;
  /** The output that the gradient is taken of; default: the first. */
  readonly differentiated?: string;
  /** The step of the central differences; default 1e-2. */
  readonly step?: number;
}

/** What is asked of every module with parameters: heads, and what else is one. `make` is called for each check. */
export function moduleChecks<Part extends TestedModule<Input, Output>, Input, Output>(
  make: () => Part,
  options: ModuleCheckOptions<Part, Input, Output>,
): Check[] {
  return checksOf(make, { ...settingsBodies(make, options), ...moduleBodies(options) });
}

const start = (seed = 0) => randomStream(seed, "init");
const inference: ApplyContext = { train: false };
/** The same draws each time, as differences want them. */
const training = (): ApplyContext => ({ train: true, rng: randomStream(0, "drop path") });

/** The same, for suites that ask more. */
export function moduleBodies<Part extends TestedModule<Input, Output>, Input, Output>(
  options: Omit<ModuleCheckOptions<Part, Input, Output>, "others">,
): CheckBodies<Part> {
  const { input, inputs, outputs, step = 1e-2 } = options;
  const applied = (part: Part, params: Params, context = inference) =>
    outputs(part.apply(params, input(part), context));

  return {
    "starts with finite parameters, drawn from the stream alone": (part, ensure) =>
      requireStart(part, ensure),

    "gives the same bits outside of training, without a stream"(part, ensure) {
      const params = part.init(start());
      const first = applied(part, params);
      for (const [name, tensor] of Object.entries(first))
        ensure(allFinite(tensor), `finite ${name}`, "others");
      ensure(bitsOfAll(applied(part, params)) === bitsOfAll(first), "the same bits again", "others");
    },

    async "gives the same bits with parameters that were written to a file and read"(part, ensure) {
      const params = part.init(start());
      const read = paramsFromSafetensors(await paramsToSafetensors(params));
      const [before, after] = [applied(part, params), applied(part, read)].map(bitsOfAll);
      ensure(before === after, "the output of the parameters before", "another");
    },

    async "has the gradients that central differences say, for every parameter"(part, ensure) {
      // At their first values many gradients are lost in rounding.
      const params = shaken(part.init(start()));
      const fixed = training();
      const value = (given: Params) => {
        const made = applied(part, given, fixed);
        const output = made[options.differentiated ?? (Object.keys(made)[0] as string)] as tf.Tensor;
        return tf.sum(tf.mul(output, drawn(output.shape, "cotangent"))) as tf.Scalar;
      };
      requireGradients(value, params, step, ensure);
    },

    async "borrows parameters and input, and leaves its outputs alone"(part, ensure) {
      const params = part.init(start());
      const given = input(part);
      const borrowed = [...Object.values(params), ...inputs(given)];
      const before = borrowed.map(bitsOf);
      for (const context of [inference, training()]) {
        const made = () => Object.values(outputs(part.apply(params, given, context)));
        const count = new Set(made()).size;
        const leaked = await leakedTensors(made);
        ensure(leaked === count, `${count} tensors, its outputs`, leaked);
        tf.dispose(made());
        const leakedByGradients = await leakedTensors(() => {
          const xs = Object.values(trainable(params));
          const { value, gradients } = valueAndGradients(
            () => tf.sum(made()[0] as tf.Tensor) as tf.Scalar,
            xs,
          );
          tf.dispose([value, ...gradients.filter((gradient) => gradient !== undefined)]);
        });
        ensure(leakedByGradients === 0, "no tensor left by gradients", leakedByGradients);
      }
      const gone = borrowed.filter((tensor) => tensor.isDisposed).length;
      ensure(gone === 0, "parameters and inputs that are not disposed", `${gone} disposed`);
      ensure(borrowed.map(bitsOf).join() === before.join(), "parameters and inputs as they were", "others");
    },

    "refuses to work without a parameter"(part, ensure) {
      const params = part.init(start());
      for (const missing of Object.keys(params)) {
        const less = pick(params, (name) => name !== missing);
        const { refused, got } = refusal(() => applied(part, less));
        ensure(refused, `a SitError without ${missing}`, got);
      }
    },
  };
}

/** Parameters that training can take: finite float32 or int32, the same for the same stream and others for another. */
export function requireStart(part: { init(rng: RandomStream): Params }, ensure: Ensure): void {
  const first = part.init(start());
  for (const [name, tensor] of Object.entries(first)) {
    const { dtype } = tensor;
    ensure(/^[\w.]+$/.test(name), "dotted names of letters, digits and _", name);
    ensure(dtype === "float32" || (isBuffer(name) && dtype === "int32"), `float32 for ${name}`, dtype);
    ensure(allFinite(tensor), `finite values of ${name}`, "others");
  }
  ensure(bitsOfAll(part.init(start())) === bitsOfAll(first), "the same bits from the same stream", "others");
  if (Object.keys(trainable(first)).length === 0) return;
  ensure(bitsOfAll(part.init(start(1))) !== bitsOfAll(first), "other bits from another stream", "the same");
}

/** Trained parameters with a tenth of noise added; buffers as they are. */
export function shaken(params: Params): Params {
  const moved = Object.entries(trainable(params)).map(([name, tensor]) => [
    name,
    tf.add(tensor, tf.mul(drawn(tensor.shape, name), 0.1)),
  ]);
  return { ...params, ...Object.fromEntries(moved) };
}

/** Gradients of all trained parameters are finite, and what central differences say. */
export function requireGradients(
  f: (params: Params) => tf.Scalar,
  params: Params,
  step: number,
  ensure: Ensure,
): void {
  const trained = trainable(params);
  const names = Object.keys(trained);
  const { value, gradients } = valueAndGradients(() => f(params), Object.values(trained));
  const found = Object.fromEntries(
    names.map((name, i) => [name, gradients[i] ?? tf.zerosLike(trained[name] as tf.Tensor)]),
  );
  for (const [name, gradient] of Object.entries(found))
    ensure(allFinite(gradient), `a finite gradient of ${name}`, "another");
  const size = Math.max(1, Math.abs(value.dataSync()[0] as number));
  for (const [name, gradient] of Object.entries(found)) {
    const x = trained[name] as tf.Tensor;
    const along = (moved: tf.Tensor) => f({ ...params, [name]: moved });
    const near = (by: number) => {
      const { gradient: own, difference } = slope(along, x, gradient, by);
      // What float32 leaves of a difference of two values of this size.
      const rounding = (3e-6 * size) / by;
      const ok = Math.abs(own - difference) <= 0.03 * Math.abs(difference) + rounding;
      return { ok, own, difference };
    };
    const first = near(step);
    // A long step may cross a kink or meet a bend, a short one drowns in rounding: no wrong gradient agrees with either.
    const ok = first.ok || near(step / 8).ok;
    ensure(ok, `a slope of ${first.difference} in ${name}`, first.own);
  }
}
