import * as tf from "@tensorflow/tfjs";
import type { ContrastLoss, ReconstructionLoss } from "../module.js";
import { type Check, type CheckBodies, checksOf, refusal } from "./check.js";
import { gradientError } from "./gradients.js";
import { leakedTensors } from "./leaks.js";
import { type SettingsCheckOptions, settingsBodies, type TestedPart } from "./settings-checks.js";
import { allFinite, bitsOf, drawn, shapeText } from "./values.js";

/** What a loss is given, in its order. */
type Inputs = readonly tf.Tensor[];

/** How a loss is called and with what, for `lossChecks`. */
export interface LossCheckOptions<Loss> extends SettingsCheckOptions<Loss> {
  /** Inputs as it wants them, small: gradients are checked element by element. */
  inputs(): Inputs;
  loss(part: Loss, inputs: Inputs): tf.Scalar;
  /** Which of the inputs the gradient flows to, by their places; default the first. */
  readonly differentiable?: readonly number[];
  /** Inputs of which each must be refused by a `SitError`. */
  refused?(): readonly Inputs[];
  /** The step of the central differences (default 1e-2): smaller than the distance to any kink. */
  readonly step?: number;
  /** How far gradients may be from differences, over the largest; default 0.02. */
  readonly tolerance?: number;
}

/**
 * What is asked of every loss, of any contract. `make` is called for each check. See `reconstructionLossChecks` and
 * `contrastLossChecks` for these two.
 */
export function lossChecks<Loss extends TestedPart>(
  make: () => Loss,
  options: LossCheckOptions<Loss>,
): Check[] {
  return checksOf(make, { ...settingsBodies(make, options), ...lossBodies(options) });
}

function lossBodies<Loss>(options: Omit<LossCheckOptions<Loss>, "others">): CheckBodies<Loss> {
  const { inputs, loss, differentiable = [0], refused, step = 1e-2, tolerance = 0.02 } = options;
  /** The loss as a function of the input at `place` alone. */
  const along = (part: Loss, given: Inputs, place: number) => (x: tf.Tensor) =>
    loss(part, given.with(place, x));

  return {
    "gives one finite number, float32"(part, ensure) {
      const value = loss(part, inputs());
      ensure(
        value.rank === 0 && value.dtype === "float32",
        "a float32 scalar",
        `${value.dtype} ${shapeText(value)}`,
      );
      ensure(allFinite(value), "a finite loss", value.dataSync()[0]);
    },

    "gives the same bits for the same inputs"(part, ensure) {
      const [first, again] = [loss(part, inputs()), loss(part, inputs())].map((value) => value.dataSync()[0]);
      ensure(first === again, `${first} again`, again);
    },

    async "has the gradients that central differences say"(part, ensure) {
      const given = inputs();
      for (const place of differentiable) {
        const x = given[place] as tf.Tensor;
        const { relativeToMax, gradient } = await gradientError(along(part, given, place), x, step);
        ensure(
          gradient.some((value) => value !== 0),
          `a gradient for input ${place}`,
          "zeros",
        );
        ensure(relativeToMax <= tolerance, `input ${place}'s gradient within ${tolerance}`, relativeToMax);
      }
    },

    "is finite at extreme inputs, and so are its gradients"(part, ensure) {
      const given = inputs();
      for (const place of differentiable) {
        for (const scale of [0, 1e-6, 1e4]) {
          const x = tf.mul(given[place] as tf.Tensor, scale);
          const { value, grad } = tf.valueAndGrad(along(part, given, place))(x);
          ensure(allFinite(value), `a finite loss at ${scale} times input ${place}`, value.dataSync()[0]);
          ensure(allFinite(grad), `a finite gradient at ${scale} times input ${place}`, "another");
        }
      }
    },

    async "borrows its inputs, and leaves one tensor"(part, ensure) {
      const given = inputs();
      const before = given.map(bitsOf);
      const leaked = await leakedTensors(() => loss(part, given));
      ensure(leaked === 1, "one tensor, the loss", leaked);
      for (const place of differentiable) {
        const more = await leakedTensors(() =>
          tf.dispose(tf.valueAndGrad(along(part, given, place))(given[place] as tf.Tensor)),
        );
        ensure(more === 0, `no tensor left by the gradient of input ${place}`, more);
      }
      const gone = given.findIndex((input) => input.isDisposed);
      ensure(gone < 0, "inputs that are not disposed", `input ${gone} disposed`);
      const changed = given.findIndex((input, place) => bitsOf(input) !== before[place]);
      ensure(changed < 0, "inputs that stay as they were", `input ${changed} changed`);
    },

    "refuses inputs that do not fit"(part, ensure) {
      for (const wrong of refused?.() ?? []) {
        const { refused: ok, got } = refusal(() => loss(part, wrong));
        ensure(ok, `a SitError for ${wrong.map(shapeText).join(" and ")}`, got);
      }
    },
  };
}

export interface ReconstructionLossCheckOptions
  extends Pick<LossCheckOptions<ReconstructionLoss>, "step" | "tolerance" | "others"> {
  /** Sides of the images; default 4 and 6 pixels, 3 channels. */
  readonly height?: number;
  readonly width?: number;
  readonly channels?: number;
  /** False where it compares all pixels, whatever the mask; default true. */
  readonly masked?: boolean;
}

/** What is asked of every `ReconstructionLoss`. */
export function reconstructionLossChecks(
  make: () => ReconstructionLoss,
  options: ReconstructionLossCheckOptions = {},
): Check[] {
  const { height = 4, width = 6, channels = 3, masked = true } = options;
  const images = (name: string) => drawn<tf.Tensor4D>([2, height, width, channels], name);
  // More masked pixels in the first image than in the second.
  const maskValues = Float32Array.from({ length: 2 * height * width }, (_, i) =>
    i % 3 === 0 || (i < height * width && i % 2 === 0) ? 1 : 0,
  );
  const mask = () => tf.tensor4d(maskValues, [2, height, width, 1]);
  const of = (part: ReconstructionLoss, [a, b, m]: Inputs) =>
    part.loss(a as tf.Tensor4D, b as tf.Tensor4D, m as tf.Tensor4D);
  const numberOf = (part: ReconstructionLoss, ...given: tf.Tensor[]) =>
    of(part, given).dataSync()[0] as number;

  return checksOf(make, {
    ...settingsBodies(make, options),
    ...lossBodies<ReconstructionLoss>({
      ...options,
      inputs: () => [images("reconstruction"), images("clean"), mask()],
      loss: of,
      refused: () => [
        [images("a"), drawn([2, width, height + 1, channels], "b"), mask()],
        [images("a"), images("b"), tf.ones([2, height + 1, width, 1])],
        [tf.ones([2, height * width]), tf.ones([2, height * width]), mask()],
      ],
    }),

    "is least where both images agree"(part, ensure) {
      const clean = images("clean");
      const error = images("error");
      const [none, some, more] = [0, 0.5, 1].map((scale) =>
        numberOf(part, tf.add(clean, tf.mul(error, scale)), clean, mask()),
      ) as [number, number, number];
      ensure(none < some && some < more, "a loss that grows with the error", [none, some, more]);
    },

    "has a finite gradient where both images agree"(part, ensure) {
      const clean = images("clean");
      const gradient = tf.grad((x) => of(part, [x, clean, mask()]))(clean);
      ensure(allFinite(gradient), "a finite gradient", "another");
    },

    "looks at the mask"(part, ensure) {
      const [reconstruction, clean] = [images("reconstruction"), images("clean")];
      const elsewhere = tf.add(reconstruction, tf.mul(tf.sub(1, mask()), 10));
      const [before, after] = [reconstruction, elsewhere].map((x) => numberOf(part, x, clean, mask()));
      if (masked) ensure(after === before, `${before} whatever is outside of the mask`, after);
      else ensure(after !== before, "a loss of all pixels, whatever the mask", "one of masked pixels");
    },

    "is finite where nothing is masked, and where all is"(part, ensure) {
      const [reconstruction, clean] = [images("reconstruction"), images("clean")];
      for (const value of [0, 1]) {
        const all = tf.fill([2, height, width, 1], value);
        const { value: loss, grad } = tf.valueAndGrad((x) => of(part, [x, clean, all]))(reconstruction);
        ensure(allFinite(loss) && allFinite(grad), `finite numbers with a mask of ${value}`, "others");
        if (masked && value === 0) ensure(loss.dataSync()[0] === 0, "0 for a mask of 0", loss.dataSync()[0]);
      }
    },
  });
}

export interface ContrastLossCheckOptions
  extends Pick<LossCheckOptions<ContrastLoss>, "step" | "tolerance" | "others"> {
  /** Images of two views each, and how many features an embedding has; default 4 and 6. */
  readonly images?: number;
  readonly features?: number;
  /** False where it compares the student with itself and does not look at a teacher; default true. */
  readonly teacher?: boolean;
}

/** What is asked of every `ContrastLoss`. */
export function contrastLossChecks(
  make: () => ContrastLoss,
  options: ContrastLossCheckOptions = {},
): Check[] {
  const { images = 4, features = 6, teacher = true } = options;
  const embeddings = (name: string) => drawn<tf.Tensor2D>([2 * images, features], name);
  const of = (part: ContrastLoss, [student, other]: Inputs) =>
    part.loss(student as tf.Tensor2D, other as tf.Tensor2D);
  const numberOf = (part: ContrastLoss, ...given: tf.Tensor[]) => of(part, given).dataSync()[0] as number;

  return checksOf(make, {
    ...settingsBodies(make, options),
    ...lossBodies<ContrastLoss>({
      ...options,
      inputs: () => [embeddings("student"), embeddings("teacher")],
      loss: of,
      refused: () => [
        [tf.ones([2 * images + 1, features]), tf.ones([2 * images + 1, features])],
        [tf.ones([images, 2, features]), tf.ones([images, 2, features])],
        ...(teacher ? [[embeddings("student"), tf.ones([2 * images, features + 1])]] : []),
      ],
    }),

    async "lets the gradient through both sides without a teacher"(part, ensure) {
      const { step, tolerance = 0.02 } = options;
      const both = (x: tf.Tensor) => of(part, [x, x]);
      const { relativeToMax } = await gradientError(both, embeddings("student"), step);
      ensure(relativeToMax <= tolerance, `a gradient within ${tolerance} of differences`, relativeToMax);
    },

    "is less where views of one image match than where those of two do"(part, ensure) {
      const view = drawn([images, features], "view");
      const other = tf.add(view, tf.mul(drawn([images, features], "noise"), 0.1));
      const [last, rest] = [tf.slice(other, images - 1), tf.slice(other, 0, images - 1)];
      const matched = tf.concat([view, other]);
      const mixed = tf.concat([view, last, rest]);
      const [right, wrong] = [matched, mixed].map((x) => numberOf(part, x, x)) as [number, number];
      ensure(right < wrong, `less than ${wrong} where they match`, right);
    },

    "looks at the teacher where it should"(part, ensure) {
      const student = embeddings("student");
      const [first, other] = ["teacher", "other"].map((name) => numberOf(part, student, embeddings(name)));
      if (teacher) ensure(first !== other, "another loss for another teacher", "the same");
      else ensure(first === other, `${first} whatever the teacher`, other);
    },
  });
}
