/**
 * What is timed. A and C are small images, B, D and E are ViT-S/16 (Touvron et al. 2021) at 224 x 224. Both sides read
 * these settings; drop path is 0 on both.
 *
 * @typedef {object} Workload
 * @property {"reconstruction" | "sit" | "inference" | "method"} kind
 *   "reconstruction": forward, backward and AdamW of masked reconstruction, the corruption given once;
 *   "sit": the whole SiT step, corruption, teacher, clipping and momentum update included; "inference": class tokens;
 *   "method": a step of the method named, as `sides/methods.mjs` makes it
 * @property {string} [method]
 * @property {string} label
 * @property {number} batch images; a SiT step has two views of each
 * @property {number} imageSize pixels
 * @property {number} patchSize pixels
 * @property {number} width
 * @property {number} depth
 * @property {number} heads
 * @property {number} [reconstructionHidden] features of the reconstruction head's two hidden layers
 * @property {number} [contrastHidden] features of the contrastive head's two hidden layers
 * @property {number} [contrastOutput] features of the embedding
 * @property {number} [alpha] weight of the reconstruction
 * @property {number} [learningRate]
 * @property {number} [weightDecay] of everything with more than one axis
 * @property {number} [clipping] largest norm of each parameter's gradient
 * @property {number} [momentum] of the teacher
 */

const small = { imageSize: 32, patchSize: 4, width: 192, depth: 12, heads: 3 };
const vitSmall = { imageSize: 224, patchSize: 16, width: 384, depth: 12, heads: 6 };
const training = { alpha: 1, learningRate: 5e-4, weightDecay: 0.04 };
const following = { clipping: 3, momentum: 0.996 };

/** @type {Readonly<Record<string, Workload>>} */
export const workloads = {
  A: {
    kind: "reconstruction",
    label: "width 192, 32 x 32, batch 64: masked reconstruction",
    batch: 64,
    ...small,
    ...training,
    reconstructionHidden: 512,
  },
  B: {
    kind: "reconstruction",
    label: "ViT-S/16, 224 x 224, batch 8: masked reconstruction",
    batch: 8,
    ...vitSmall,
    ...training,
    reconstructionHidden: 2048,
  },
  C: {
    kind: "sit",
    label: "width 192, 32 x 32, 64 images, two views: SiT",
    batch: 64,
    ...small,
    ...training,
    ...following,
    alpha: 5,
    reconstructionHidden: 512,
    contrastHidden: 512,
    contrastOutput: 128,
  },
  D: {
    kind: "sit",
    label: "ViT-S/16, 224 x 224, 8 images, two views: SiT",
    batch: 8,
    ...vitSmall,
    ...training,
    ...following,
    reconstructionHidden: 2048,
    contrastHidden: 4096,
    contrastOutput: 256,
  },
  E: { kind: "inference", label: "ViT-S/16, 224 x 224, batch 16: class tokens", batch: 16, ...vitSmall },
};

/**
 * Where methods are compared: encoder, batch, and the heads that they share.
 *
 * @typedef {Omit<Required<Workload>, "kind" | "method" | "clipping" | "momentum"> & { unitSize: number, ratio: number }} Scene `unitSize` pixels and `ratio`
 *   of the blocks that SimMIM masks
 */

/** @type {Readonly<Record<string, Scene>>} */
export const scenes = {
  small: {
    label: "width 192, 32 x 32, batch 64",
    batch: 64,
    ...small,
    ...training,
    unitSize: 8, // 16 of them in an image; of 32 pixels, as at 224, there would be one
    ratio: 0.6,
    reconstructionHidden: 512,
    contrastHidden: 512,
    contrastOutput: 128,
  },
  large: {
    label: "ViT-S/16, 224 x 224, batch 8",
    batch: 8,
    ...vitSmall,
    ...training,
    unitSize: 32,
    ratio: 0.6,
    reconstructionHidden: 2048,
    contrastHidden: 4096,
    contrastOutput: 256,
  },
};

/** @typedef {"float32" | "bfloat16"} Precision */

/** @type {readonly Precision[]} */
export const precisions = ["float32", "bfloat16"];

/** The ratio, PyTorch's time over ours, that each row is to reach. */
export function target(workload, precision) {
  if (workload.kind === "inference") return 1;
  return precision === "float32" ? 1.5 : 1.3;
}
