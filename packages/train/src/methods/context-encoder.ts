import type { Method } from "../method.js";
import { type ReconstructionMethodOptions, reconstructionMethod } from "./reconstruction.js";

/**
 * A context encoder (Pathak, Krähenbühl, Donahue, Darrell and Efros 2016, "Context encoders: feature learning by
 * inpainting"): the middle of each image is cut out (`corruption`: `centralHole()`) and painted anew from what is around it;
 * `loss`, such as `maskedL2()`, looks at the hole alone. One view, no teacher; only drop path draws.
 *
 * The paper's adversarial loss, which makes the painted part sharper, and its heavier weight along the rim of the hole are
 * left out. Its network is convolutional; the recipe is SiT's for vision transformers.
 *
 * @throws SitError from its steps, what the parts throw
 */
export function contextEncoder(options: ReconstructionMethodOptions): Method {
  return reconstructionMethod("context-encoder", options);
}
