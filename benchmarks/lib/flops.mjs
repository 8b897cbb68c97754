/** Of an image. */
const CHANNELS = 3;

/**
 * Floating-point operations of one step's matrix products, counted from the shapes: 2 for each multiplication and
 * addition. Everything else (norms, activations, optimizer) is left out, and so is what a kernel computes twice to save
 * memory: it is the work that any implementation has to do.
 *
 * @param {import("../workloads.mjs").Workload} workload
 * @returns {number}
 */
export function stepFlops(workload) {
  const { kind, batch } = workload;
  if (kind === "inference") return batch * backboneFlops(workload).total;
  const images = kind === "sit" ? 2 * batch : batch;
  const { total, patchEmbedding } = backboneFlops(workload);
  const reconstruction = reconstructionFlops(workload);
  // A backward pass has two products of the same size for each; images need no gradient.
  const student = 3 * (total + reconstruction) - patchEmbedding;
  if (kind === "reconstruction") return images * student;
  const contrast = contrastFlops(workload);
  // Similarities [2 x batch, batch]; no gradient goes to the teacher.
  const similarities = product(2 * batch, workload.contrastOutput, batch);
  return images * (student + total + 4 * contrast) + 2 * similarities;
}

/**
 * One image through the backbone, and the share of it that embeds patches.
 *
 * @param {Pick<import("../workloads.mjs").Workload, "imageSize" | "patchSize" | "width" | "depth">} workload
 */
export function backboneFlops({ imageSize, patchSize, width, depth }) {
  const patches = (imageSize / patchSize) ** 2;
  const tokens = patches + 1;
  const patchEmbedding = product(patches, CHANNELS * patchSize ** 2, width);
  const qkv = product(tokens, width, 3 * width);
  // All heads together: as one head of the whole width.
  const attention = product(tokens, width, tokens) + product(tokens, tokens, width);
  const projection = product(tokens, width, width);
  const perceptron = 2 * product(tokens, width, 4 * width);
  return { patchEmbedding, total: patchEmbedding + depth * (qkv + attention + projection + perceptron) };
}

/**
 * One image's patches through the reconstruction head.
 *
 * @param {import("../workloads.mjs").Workload} workload
 */
function reconstructionFlops({ imageSize, patchSize, width, reconstructionHidden: hidden }) {
  const patches = (imageSize / patchSize) ** 2;
  return (
    product(patches, width, hidden) +
    product(patches, hidden, hidden) +
    product(patches, hidden, CHANNELS * patchSize ** 2)
  );
}

/**
 * One class token through the contrastive head.
 *
 * @param {import("../workloads.mjs").Workload} workload
 */
function contrastFlops({ width, contrastHidden: hidden, contrastOutput: output }) {
  return product(1, width, hidden) + product(1, hidden, hidden) + product(1, hidden, output);
}

/** [rows, inner] times [inner, columns]. */
function product(rows, inner, columns) {
  return 2 * rows * inner * columns;
}
