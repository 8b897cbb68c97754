/**
 * Sizes of DeiT's networks (Touvron et al. 2021), patches of 16 pixels: spread one into the options of
 * `visionTransformer` and override what differs, `visionTransformer({ ...vitSmall, imageSize: 224 })`.
 */

/** ViT-Ti/16, 5.5 M parameters at 224 x 224. */
export const vitTiny = { patchSize: 16, width: 192, depth: 12, heads: 3, mlpRatio: 4 } as const;

/** ViT-S/16, 21.7 M parameters at 224 x 224; SiT's backbone. */
export const vitSmall = { patchSize: 16, width: 384, depth: 12, heads: 6, mlpRatio: 4 } as const;

/** ViT-B/16, 85.8 M parameters at 224 x 224. */
export const vitBase = { patchSize: 16, width: 768, depth: 12, heads: 12, mlpRatio: 4 } as const;
