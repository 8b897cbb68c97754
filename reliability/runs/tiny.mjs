// The run that is killed, starved and soaked: everything that a real run has, in milliseconds a step.
import { moduleTransform, sitViews } from "@sitjs/augment";
import { batches, imageFolder } from "@sitjs/data";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { sit } from "@sitjs/train";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";

/** Of one grey channel: Fashion-MNIST's. */
export const statistics = { mean: [0.286], deviation: [0.353] };

/**
 * Some 20,000 parameters; as few as there can be, for many steps; and a network large enough that TensorFlow's threads
 * share its operations, with 900,000.
 */
export const networks = {
  soaked: { size: 8, width: 8, depth: 1, hidden: 8, batchSize: 4 },
  tiny: { size: 16, width: 16, depth: 2, hidden: 24, batchSize: 8 },
  wide: { size: 32, width: 128, depth: 4, hidden: 256, batchSize: 32 },
};
const patchSize = 4;

/** @typedef {keyof typeof networks} Network */

/** SiT with teacher, batch norm in the projection head, drop path and both losses. */
export function tinyMethod({ network = /** @type {Network} */ ("tiny"), loss = maskedL1() } = {}) {
  const { size, width, depth, hidden } = networks[network];
  const shape = { imageSize: size, patchSize, channels: 1, width, depth, heads: 2 };
  const backbone = visionTransformer({ ...shape, dropPath: 0.1 });
  return sit({
    backbone,
    corruption: gmml({ noise: { ratio: 0.5 }, replace: { ratio: 0.3 } }),
    reconstruction: { head: reconstructionHead({ width, patchSize, channels: 1, hidden }), loss },
    contrast: { head: projectionHead({ width, hidden, output: 8 }), loss: crossViewNtXent() },
  });
}

/**
 * Two views of the folder's images.
 *
 * @param {{ images: string, workers: number, seed: number, network?: Network,
 *   added?: import("@sitjs/augment").TransformSpec[] }} options `added` to the transforms of each view
 */
export async function tinyLoader({ images, workers, seed, network = "tiny", added = [] }) {
  const dataset = await imageFolder(images, { classes: "none", channels: 1 });
  const { size, batchSize } = networks[network];
  const views = sitViews({ size, ...statistics }).map((view) => ({
    ...view,
    transforms: [...view.transforms, ...added],
  }));
  return batches(dataset, { views, batchSize, workers, seed });
}

/** The transform that the module beside this one exports. */
export function transformOf(name, options) {
  return moduleTransform({ url: new URL(`${name}.mjs`, import.meta.url).href, options });
}
