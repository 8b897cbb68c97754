import { type Params, SitError } from "@sitjs/core";
import { sinCosPositions } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beyondHuggingFace, isHuggingFaceHead, type PretrainedConfig } from "./config.js";
import { toHuggingFace } from "./weights/origins.js";

/** Where a head lies that transformers does not have. */
export const ownHeadPrefix = "sitjs_head.";

/**
 * The tensors of a folder's `model.safetensors`: by transformers' names where its network is the same, else by ours. All
 * are new and the caller's.
 * @throws SitError "bad-parameters" for a parameter that has no place
 */
export function tensorsToSave(
  config: PretrainedConfig,
  params: Params,
  headParams: Params | undefined,
): Params {
  const { backbone, head } = config;
  const foreign = beyondHuggingFace(backbone) === undefined;
  const inClass = isHuggingFaceHead(head);
  return tf.tidy(() => {
    const saved: Record<string, tf.Tensor> = {};
    const prefix = inClass ? "vit." : "";
    for (const [name, tensor] of Object.entries({
      ...params,
      ...(foreign ? fixedPositions(config, params) : {}),
    })) {
      const names = foreign ? toHuggingFace(name) : [name];
      if (names === undefined) {
        throw new SitError(
          "bad-parameters",
          `${name}: expected a parameter of the backbone that the options describe`,
        );
      }
      const parts = names.length === 1 ? [tf.clone(tensor)] : tf.split(tensor, names.length, 0);
      for (const [i, part] of parts.entries()) saved[prefix + names[i]] = part;
    }
    for (const [name, tensor] of Object.entries(headParams ?? {})) {
      saved[(foreign && inClass ? "classifier." : ownHeadPrefix) + name] = tf.clone(tensor);
    }
    return saved;
  });
}

/** Positions that are no parameters of ours and are ones of transformers'. */
function fixedPositions({ backbone }: PretrainedConfig, params: Params): Params {
  if (params.pos_embed !== undefined) return {};
  const { imageSize, patchSize, width = 384, positions } = backbone;
  const side = imageSize / patchSize;
  const table = new Float32Array((1 + side * side) * width);
  if (positions === "sincos" || positions === "sincos-moco") {
    const order = positions === "sincos" ? "column-row" : "row-column";
    table.set(sinCosPositions(width, side, side, order), width);
  }
  return { pos_embed: tf.tensor(table, [1, 1 + side * side, width]) };
}
