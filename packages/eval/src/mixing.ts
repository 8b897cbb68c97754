import { drawBeta, type RandomStream, requireOption, SitError, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/** How a batch is mixed with itself; defaults are DeiT's. */
export interface MixingOptions {
  /** MixUp (Zhang et al. 2018): both parameters of the beta distribution of the share; 0: never (0.8). */
  readonly mixup?: number;
  /** CutMix (Yun et al. 2019): the same; 0: never (1). */
  readonly cutmix?: number;
  /** With which probability a batch is mixed at all (1). */
  readonly probability?: number;
  /** Where both are there, the probability of CutMix (0.5). */
  readonly switchProbability?: number;
}

/** What is drawn for a batch; `share` is the part of itself that an image keeps, exactly. */
export type MixDraw =
  | { readonly kind: "none"; readonly share: 1 }
  | { readonly kind: "mixup"; readonly share: number }
  | { readonly kind: "cutmix"; readonly share: number; readonly box: MixBox };

/** Rows `top` to `bottom` - 1 and columns `left` to `right` - 1; empty where two are equal. */
export interface MixBox {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export interface MixedBatch {
  /** [batch, height, width, channels] */
  readonly images: tf.Tensor4D;
  /** float32 [batch, classes] */
  readonly targets: tf.Tensor2D;
}

/** Mixes batches of images with their targets. */
export interface Mixing {
  /** All options. */
  readonly settings: Readonly<Required<MixingOptions>>;
  /** What is done with a batch of images of these sides, in pixels. */
  draw(of: { readonly height: number; readonly width: number }, rng: RandomStream): MixDraw;
  /**
   * Mixes each image, and its row of targets by the same share, with the one at its place from the end: one draw for the
   * whole batch, on the device. The image in the middle of an odd batch is its own partner.
   *
   * @param images [batch, height, width, channels]
   * @param targets float32 [batch, classes], of any origin: classes, several labels, a teacher
   * @returns new tensors that belong to the caller
   * @throws SitError "bad-shape" where the two have other batches
   */
  mix(images: tf.Tensor4D, targets: tf.Tensor2D, rng: RandomStream): MixedBatch;
}

/**
 * MixUp and CutMix as timm and DeiT (Touvron et al. 2021) use them: by batch, either the one or the other.
 *
 * MixUp adds images by the drawn share. CutMix puts in a box of the partner whose sides are sqrt(1 - share) of the
 * image's, around a centre anywhere, cut off at the borders; the share is then set to the pixels really kept.
 *
 * @throws SitError "bad-option"
 */
export function mixing(options: MixingOptions = {}): Mixing {
  const { mixup = 0.8, cutmix = 1, probability = 1, switchProbability = 0.5 } = options;
  for (const [name, value] of Object.entries({ mixup, cutmix })) {
    requireOption(value >= 0 && Number.isFinite(value), `mixing.${name}`, "a number of at least 0", value);
  }
  requireOption(mixup > 0 || cutmix > 0, "mixing", "mixup or cutmix above 0", { mixup, cutmix });
  for (const [name, value] of Object.entries({ probability, switchProbability })) {
    requireOption(value >= 0 && value <= 1, `mixing.${name}`, "a number from 0 to 1", value);
  }

  const draw: Mixing["draw"] = ({ height, width }, rng) => {
    if (!rng.fork("whether").chance(probability)) return { kind: "none", share: 1 };
    const cuts = mixup === 0 || (cutmix > 0 && rng.fork("which").chance(switchProbability));
    const alpha = cuts ? cutmix : mixup;
    const share = drawBeta(rng.fork("share"), alpha, alpha);
    if (!cuts) return { kind: "mixup", share };
    const box = drawBox({ height, width }, share, rng.fork("box"));
    const pixels = (box.bottom - box.top) * (box.right - box.left);
    return { kind: "cutmix", share: 1 - pixels / (height * width), box };
  };

  return {
    settings: { mixup, cutmix, probability, switchProbability },
    draw,
    mix(images, targets, rng) {
      const [batch, height, width] = images.shape;
      if (targets.rank !== 2 || targets.shape[0] !== batch) {
        throw new SitError(
          "bad-shape",
          `targets: expected [${batch}, classes], got [${targets.shape.join(", ")}]`,
        );
      }
      const drawn = draw({ height, width }, rng);
      if (drawn.kind === "none") return { images: tf.clone(images), targets: tf.clone(targets) };
      return tidy(() => {
        const kept = drawn.kind === "mixup" ? drawn.share : outside(drawn.box, { height, width });
        return { images: blended(images, kept), targets: blended(targets, drawn.share) };
      });
    },
  };
}

/** The rectangle of CutMix's paper and code: sides truncated to whole pixels, half of each on both sides of the centre. */
function drawBox(
  { height, width }: { readonly height: number; readonly width: number },
  share: number,
  rng: RandomStream,
): MixBox {
  const side = Math.sqrt(1 - share);
  const along = (length: number): [number, number] => {
    const half = Math.floor(Math.trunc(length * side) / 2);
    const center = rng.integer(0, length);
    return [Math.max(0, center - half), Math.min(length, center + half)];
  };
  const [top, bottom] = along(height);
  const [left, right] = along(width);
  return { top, left, bottom, right };
}

/** [1, height, width, 1]: 0 in the box, 1 outside. */
function outside(
  { top, left, bottom, right }: MixBox,
  { height, width }: { readonly height: number; readonly width: number },
): tf.Tensor4D {
  const mask = new Float32Array(height * width).fill(1);
  for (let y = top; y < bottom; y++) mask.fill(0, y * width + left, y * width + right);
  return tf.tensor4d(mask, [1, height, width, 1]);
}

/** Each row by `kept`, and the row at its place from the end by the rest. */
function blended<T extends tf.Tensor>(rows: T, kept: number | tf.Tensor): T {
  const rest = typeof kept === "number" ? 1 - kept : tf.sub(1, kept);
  return tf.add(tf.mul(rows, kept), tf.mul(tf.reverse(rows, 0), rest)) as T;
}
