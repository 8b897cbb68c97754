export { type ClassifierHeadOptions, classifierHead } from "./heads/classifier.js";
export { type ProjectionHeadOptions, projectionHead } from "./heads/projection.js";
export { type ReconstructionHeadOptions, reconstructionHead } from "./heads/reconstruction.js";
export type { Initialization } from "./init.js";
export { interpolationMatrix, sinCosPositions } from "./positions.js";
export { vitBase, vitSmall, vitTiny } from "./presets.js";
export { type VisionTransformerOptions, visionTransformer } from "./vision-transformer.js";
