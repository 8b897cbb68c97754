export { type ClassifierHeadOptions, classifierHead, completeClassifierOptions } from "./heads/classifier.js";
export { type DinoHeadOptions, dinoHead } from "./heads/dino.js";
export { type MaskedDecoderOptions, maskedDecoder } from "./heads/masked-decoder.js";
export { type MocoHeadsOptions, mocoHeads } from "./heads/moco.js";
export { type PerceptronHeadOptions, perceptronHead } from "./heads/perceptron.js";
export { type PixelShuffleHeadOptions, pixelShuffleHead } from "./heads/pixel-shuffle.js";
export { type ProjectionHeadOptions, projectionHead } from "./heads/projection.js";
export { type ReconstructionHeadOptions, reconstructionHead } from "./heads/reconstruction.js";
export type { BackboneInitialization, Initialization } from "./init.js";
export {
  type CompleteVisionTransformerOptions,
  completeOptions,
  type Positions,
  type VisionTransformerOptions,
} from "./options.js";
export { interpolationMatrix, type SinCosOrder, sinCosPositions } from "./positions.js";
export { vitBase, vitSmall, vitTiny } from "./presets.js";
export { relativePositionBias, relativePositions } from "./relative-positions.js";
export { resizePositions } from "./resize-positions.js";
export { tokenOffsets } from "./token-offsets.js";
export { visionTransformer } from "./vision-transformer.js";
