export { attention, attentionWeights } from "./attention.js";
export { hasKernel, runKernel, tidy } from "./backend.js";
export { gelu } from "./gelu.js";
export { withGradient } from "./gradient.js";
export { linear, linearGelu } from "./linear.js";
export { matMul2d, sumRows } from "./matmul.js";
export { type BatchNormResult, batchNorm, batchNormInference, layerNorm } from "./norm.js";
export { patchify, unpatchify } from "./patches.js";
export { l2Normalize, residual } from "./residual.js";
