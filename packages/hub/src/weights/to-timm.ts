import { type Params, SitError } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";

/**
 * Parameters by timm's names, for a file that its `VisionTransformer` loads with `strict=True`. Tensors are shared.
 *
 * @param params of a backbone with learned positions
 * @param head of `classifierHead` ("linear", "token"; timm's `global_pool="token"`) or `averageNormHead` (`"avg"`); without
 *   one, timm's network is made with `num_classes=0`
 * @throws SitError "bad-parameters" for what timm's has no place for
 */
export function toTimm(params: Params, head?: Params): Params {
  const result: Record<string, tf.Tensor> = {};
  const averaged = head?.["norm.weight"] !== undefined;
  for (const [name, tensor] of Object.entries(params)) {
    // The average's norm is timm's only one.
    if (averaged && name.startsWith("norm.")) continue;
    const refused = /rel_pos|relative_position|[.]q_bias$|[.]v_bias$/.test(name);
    if (refused)
      throw new SitError("bad-parameters", `${name}: expected a parameter that timm's network has`);
    result[name.replace(/[.]gamma_([12])$/, ".ls$1.gamma")] = tensor;
  }
  if (params.pos_embed === undefined) {
    throw new SitError("bad-parameters", "pos_embed: expected learned positions, as timm's network has them");
  }
  for (const [name, tensor] of Object.entries(head ?? {})) {
    if (!/^(norm[.])?(weight|bias)$/.test(name)) {
      throw new SitError(
        "bad-parameters",
        `head: expected one linear layer, as timm's, got a parameter ${name}`,
      );
    }
    result[name.startsWith("norm.") ? `fc_${name}` : `head.${name}`] = tensor;
  }
  return result;
}
