import { requireOption } from "@sitjs/core";
import { completeOptions, type VisionTransformerOptions } from "@sitjs/vit";

/** The classes of a network, for its `config.json`. */
export interface NamedClasses {
  readonly classes: number;
  /** In order; by default "LABEL_0", "LABEL_1" and so on, as transformers calls them. */
  readonly labels?: readonly string[] | undefined;
  /** Whether an image may show several classes (default false). */
  readonly multiLabel?: boolean | undefined;
}

/**
 * What every `config.json` of a vision transformer says, by the keys of transformers' `ViTConfig`.
 * @throws SitError "bad-option" for another number of labels than classes
 */
export function huggingFaceConfig(
  options: VisionTransformerOptions,
  named?: NamedClasses,
): Readonly<Record<string, unknown>> {
  const backbone = completeOptions(options);
  return {
    architectures: [named ? "ViTForImageClassification" : "ViTModel"],
    model_type: "vit",
    image_size: backbone.imageSize,
    patch_size: backbone.patchSize,
    num_channels: backbone.channels,
    hidden_size: backbone.width,
    num_hidden_layers: backbone.depth,
    num_attention_heads: backbone.heads,
    intermediate_size: Math.trunc(backbone.width * backbone.mlpRatio),
    qkv_bias: backbone.qkvBias !== false,
    layer_norm_eps: backbone.layerNormEpsilon,
    hidden_act: "gelu",
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    ...(named && classKeys(named)),
  };
}

function classKeys({ classes, labels, multiLabel = false }: NamedClasses) {
  const named = labels === undefined || labels.length === classes;
  requireOption(named, "labels", `a name for each of ${classes} classes`, labels?.length);
  const names = labels ?? Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  return {
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
    problem_type: multiLabel ? "multi_label_classification" : "single_label_classification",
  };
}
