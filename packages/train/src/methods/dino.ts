import {
  type Backbone,
  type DistillationLoss,
  type Params,
  type PartSettings,
  type RandomStream,
  requireOption,
  SitError,
  type TokenHead,
  tidy,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { type Recipe, sitRecipe } from "../recipe.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone } from "./tokens.js";

export interface DinoOptions {
  backbone: Backbone;
  /** From the class-like token to logits over prototypes, for example `dinoHead()`. */
  head: TokenHead;
  /** Compares crops, and says how many of them are large, for example `dinoLoss()`: two. */
  loss: DistillationLoss;
  /**
   * Divides the teacher's centred logits, by epoch (0 is the first), for example `teacherTemperatures()`. Also asked for
   * later epochs than a run has, for the method's settings.
   */
  teacherTemperature: (epoch: number) => number;
  /** Small crops of each image, which the student alone sees (default 8). */
  localCrops?: number;
  /** For how many of the first epochs the prototypes stay as they are (default 1). */
  freezeLastLayerEpochs?: number;
  /**
   * The prototypes' lengths, where the head has them as parameters, are never trained (default true): more stable, says
   * DINO's code. With false they are trained as their directions are.
   */
  freezePrototypeLengths?: boolean;
}

// The prefixes are ours; below them the names are those of DINO's code, "center" that of its loss.
const HEAD = "head.";
const PROTOTYPES = `${HEAD}last_layer.`;
const CENTER = "center";

/** DINO's: as SiT's, but for the weight decay. */
export const dinoRecipe: Recipe = { ...sitRecipe, weightDecay: [0.04, 0.4] };

/**
 * DINO: self-distillation with no labels (Caron et al. 2021, "Emerging properties in self-supervised vision
 * transformers").
 *
 * The views are large crops, as many as the loss says, then `localCrops` small ones; large ones are all of one size, small
 * ones of another. The student sees all of them and tells, for each, what a momentum teacher says of each other large
 * crop. The teacher's logits are centred by their running mean, a buffer [1, prototypes] of the teacher, and sharpened by
 * a low temperature, so that neither can collapse. The prototypes stay as they are in the first epoch.
 *
 * @throws SitError "bad-option" here; "bad-shape" in a step whose views have other sizes, "bad-parameters" without a teacher
 */
export function dino(options: DinoOptions): Method {
  const { backbone, head, loss, teacherTemperature } = options;
  const { localCrops = 8, freezeLastLayerEpochs = 1, freezePrototypeLengths = true } = options;
  const { globalCrops } = loss;
  requireCount("localCrops", localCrops);
  requireCount("freezeLastLayerEpochs", freezeLastLayerEpochs);
  requireOption(globalCrops + localCrops >= 2, "localCrops", "at least 1 beside one large crop", localCrops);

  /** Logits [crops x batch, prototypes] of batches of one size each, by one head over all of them. */
  const embed = (params: Params, batches: readonly tf.Tensor4D[], rng: RandomStream | undefined) => {
    const tokens = batches.map((images, i) => {
      const context = rng ? { train: true, rng: rng.fork(i) } : { train: false };
      return classToken(encode(backbone, params, images, context));
    });
    // Batch norm in the head, where there is any, goes by the batch's own statistics on the teacher's side too.
    const { output, buffers } = head.apply(withoutPrefix(HEAD, params), tf.concat2d(tokens, 0), {
      train: true,
    });
    return { output, buffers: withPrefix(HEAD, buffers) };
  };

  return {
    name: "dino",
    backbone,
    backbonePrefix: BACKBONE,
    views: globalCrops + localCrops,
    recipe: dinoRecipe,
    settings: {
      ...headAndLoss(options),
      teacherTemperature: atEpochs(teacherTemperature),
      ...{ localCrops, freezeLastLayerEpochs, freezePrototypeLengths },
    },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(HEAD, head.init(rng.fork("head"))),
    }),

    initTeacher: (student) => ({ ...student, [CENTER]: tf.zeros([1, prototypesOf(student)]) }),

    frozenSteps(name, { stepsPerEpoch }) {
      if (name === `${PROTOTYPES}weight_g` && freezePrototypeLengths) return Number.POSITIVE_INFINITY;
      return name.startsWith(PROTOTYPES) ? freezeLastLayerEpochs * stepsPerEpoch : 0;
    },

    prepare({ views, teacher, rng, position }) {
      const center = teacher?.[CENTER] as tf.Tensor2D | undefined;
      if (teacher === undefined || center === undefined) {
        throw new SitError("bad-parameters", "dino: expected a teacher's parameters with a center, got none");
      }
      const large = oneBatch("large", views.slice(0, globalCrops));
      const all = localCrops > 0 ? [large, oneBatch("small", views.slice(globalCrops))] : [large];
      const target = embed(teacher, [large], undefined);
      const temperatures = { teacher: teacherTemperature(position.epoch) };

      return {
        loss(student): MethodLoss {
          const { output, buffers } = embed(student, all, rng.fork("drop path"));
          const distillation = loss.loss(output, target.output, center, temperatures);
          return { loss: distillation, parts: {}, buffers };
        },
        teacherBuffers: { ...target.buffers, [CENTER]: loss.nextCenter(target.output, center) },
      };
    },
  };

  /** How many logits the head gives: what it says of a token of zeros. */
  function prototypesOf(student: Params): number {
    return tidy(() => {
      const token = tf.zeros([1, backbone.width]) as tf.Tensor2D;
      return head.apply(withoutPrefix(HEAD, student), token, { train: false }).output.shape[1];
    });
  }
}

/** What a function of the epoch is known by: its values at 0, 1, 2, 4, … up to 1024. */
function atEpochs(of: (epoch: number) => number): PartSettings {
  const epochs = [0, ...Array.from({ length: 11 }, (_, i) => 2 ** i)];
  return Object.fromEntries(epochs.map((epoch) => [`of epoch ${epoch}`, of(epoch) ?? null]));
}

/** Crops of one size below each other: all images' first crop, the second, … */
function oneBatch(which: "large" | "small", crops: readonly tf.Tensor4D[]): tf.Tensor4D {
  const shapes = crops.map(({ shape }) => `[${shape.join(", ")}]`);
  if (new Set(shapes).size > 1) {
    throw new SitError(
      "bad-shape",
      `views: expected ${which} crops of one size, got ${shapes.join(" and ")}`,
    );
  }
  return tf.concat4d([...crops], 0);
}

function requireCount(option: string, value: number): void {
  requireOption(Number.isSafeInteger(value) && value >= 0, option, "a whole number, at least 0", value);
}
