export { type Block, type BlockMaskOptions, type BlockSizes, drawBlockMask } from "./blocks.js";
export type { GmmlKind } from "./draw.js";
export { type GmmlOptions, type GmmlShare, gmml } from "./gmml.js";
export { noCorruption, type RandomPatchesOptions, randomPatches } from "./patches.js";
