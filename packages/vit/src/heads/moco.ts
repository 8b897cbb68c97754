import type { TokenHead } from "@sitjs/core";
import type { Initialization } from "../init.js";
import { projectionHead } from "./projection.js";

export interface MocoHeadsOptions {
  /** Features of a token. */
  readonly width: number;
  /** Features of the hidden layers (default 4096). */
  readonly hidden?: number;
  /** Features of the embedding (default 256). */
  readonly output?: number;
  /** How the linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks. */
  readonly initialization?: Initialization;
}

/**
 * The two heads of MoCo v3 on a vision transformer (Chen et al. 2021): the projector, three linear layers from the
 * class-like token to the embedding, on encoder and momentum encoder; the predictor, two layers from embedding to
 * embedding, on the encoder's side alone. Linear layers have no bias, hidden ones batch norm and ReLU, the last one a
 * batch norm without scale and shift. Names, buffers and training as `projectionHead`, variant "moco-v3".
 *
 * @throws SitError "bad-option" here; from `apply` as `projectionHead`
 */
export function mocoHeads({ width, hidden = 4096, output = 256, initialization }: MocoHeadsOptions): {
  readonly projector: TokenHead;
  readonly predictor: TokenHead;
} {
  const shared = { variant: "moco-v3", hidden, output, initialization } as const;
  return {
    projector: projectionHead({ ...shared, width, layers: 3 }),
    predictor: projectionHead({ ...shared, width: output, layers: 2 }),
  };
}
