export { type Block, type BlockMaskOptions, type BlockSizes, drawBlockMask } from "./blocks.js";
export type { GmmlKind } from "./draw.js";
export { type GmmlOptions, type GmmlShare, gmml } from "./gmml.js";
export { type MaskUnits, type MaskUnitsOptions, maskUnits, randomMaskUnits } from "./mask-units.js";
export { noCorruption, type RandomPatchesOptions, randomPatches } from "./patches.js";
export { jigsawPermutations, type Permutation } from "./permutations.js";
export {
  type CentralHoleOptions,
  centralHole,
  type GrayscaleOptions,
  grayscale,
} from "./pretext-corruptions.js";
export { allRotations, randomRotations, rotateQuarterTurns } from "./rotations.js";
export {
  type JigsawOptions,
  jigsaw,
  jigsawTiles,
  type RelativePositionOptions,
  relativePosition,
  relativePositionTiles,
  type Tiling,
} from "./tiles.js";
export {
  randomVisiblePatches,
  type VisiblePatchesOptions,
  visiblePatches,
  visiblePatchesFromNoise,
} from "./visible-patches.js";
