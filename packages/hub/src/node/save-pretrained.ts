import { disposeParams, type Params, paramsToSafetensors, requireOption } from "@sitjs/core";
import { stageFolder } from "@sitjs/core/node";
import type { VisionTransformerOptions } from "@sitjs/vit";
import { formatConfig, type SavedHead } from "../config.js";
import { formatPreprocessing, type Preprocessing } from "../preprocessing.js";
import { tensorsToSave } from "../saved-tensors.js";

export interface ModelToSave {
  /** What the network was made with. */
  readonly backbone: VisionTransformerOptions;
  readonly params: Params;
  readonly head?: (SavedHead & { readonly params: Params }) | undefined;
  /** Names of the classes in order. */
  readonly labels?: readonly string[] | undefined;
  /** Whether an image may show several classes, each with a sigmoid of its own (default false). */
  readonly multiLabel?: boolean | undefined;
  readonly preprocessing: Preprocessing;
}

/**
 * Writes a pretrained folder: `config.json`, `model.safetensors` and `preprocessor_config.json`, whole or not at all; what
 * was there before is replaced. transformers' `ViTModel` or, with a linear head on the class token,
 * `ViTForImageClassification` opens it, unless the network has what theirs does not (relative positions, layer scale, no
 * bias on keys alone); heads that theirs does not have lie beside it.
 *
 * @throws SitError "bad-option", "bad-parameters", "disk"
 */
export async function savePretrained(folder: string, model: ModelToSave): Promise<void> {
  const { backbone, params, head: whole, labels, multiLabel = false, preprocessing } = model;
  requireOption(folder !== "", "folder", "a path", folder);
  const { params: headParams, ...head } = whole ?? { params: undefined };
  const ofHead = whole === undefined ? undefined : (head as SavedHead);
  const config = { backbone, head: ofHead, labels, multiLabel };
  requireOption(
    labels === undefined || ofHead !== undefined,
    "labels",
    "a head whose classes they name",
    labels,
  );
  const files = {
    "config.json": formatConfig(config),
    "preprocessor_config.json": formatPreprocessing(preprocessing, backbone.channels ?? 3),
  };
  const tensors = tensorsToSave(config, params, headParams);
  let weights: Uint8Array;
  try {
    // transformers refuses a file that does not say so.
    weights = await paramsToSafetensors(tensors, { format: "pt" });
  } finally {
    disposeParams(tensors);
  }
  const staged = await stageFolder(folder);
  try {
    for (const [name, content] of Object.entries(files)) {
      await staged.write(name, `${JSON.stringify(content, null, 2)}\n`);
    }
    await staged.write("model.safetensors", weights);
    await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
