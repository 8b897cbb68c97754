/**
 * Operations on bytes as WebAssembly with 128-bit vectors, written in AssemblyScript (TypeScript's syntax, WebAssembly's
 * types). `build.mjs` compiles them into `../src/kernel-binary.ts`; `../src/kernels.ts` runs them.
 *
 * All take addresses in the module's memory. A source and a target must not overlap unless a kernel says so, and behind
 * both at least `PADDING` bytes may be read or overwritten: so no loop needs a second, narrower one for the rest.
 */
export { boxBlurColumns, transpose } from "./blur";
export { blendWithConstant, blendWithLuma, luma, lumaToRgb, solarize, sumOfLuma } from "./color";
export { turnHue } from "./hue";
export { normalize } from "./normalize";
export { resizeColumns, resizeRows } from "./resize";

/** Where the caller may begin to use memory. */
export const heapBase: usize = __heap_base;
