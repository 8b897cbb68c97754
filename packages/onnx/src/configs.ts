import { requireOption } from "@sitjs/core";
import { type CompleteVisionTransformerOptions, completeOptions } from "@sitjs/vit";
import type { ExportOnnxOptions } from "./export-onnx.js";

/** What transformers and transformers.js are told beside the network. */
export interface FolderOptions extends ExportOnnxOptions {
  /** Mean of each channel in training, values scaled to 0..1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly deviation: readonly number[];
  /** Names of the classes, in their order; by default "0", "1" and so on. */
  readonly classes?: readonly string[];
  /** True where an image may show several classes: each logit then has a sigmoid of its own (default false). */
  readonly multiLabel?: boolean;
  /**
   * The image's side over that to which the shorter one is resized, before the middle is cut out: as `evalView` of
   * `@sitjs/augment`, and by the same default, 1 up to 64 pixels, above that 224 / 256.
   */
  readonly cropRatio?: number;
}

/** The content of `config.json` and `preprocessor_config.json`. */
export function folderConfigs(options: FolderOptions): {
  readonly config: Readonly<Record<string, unknown>>;
  readonly preprocessor: Readonly<Record<string, unknown>>;
} {
  const backbone = completeOptions(options.backbone);
  const { imageSize = backbone.imageSize, inputChannels = backbone.channels } = options;
  return {
    config: modelConfig(options, backbone, imageSize, inputChannels),
    preprocessor: preprocessorConfig(options, backbone, imageSize, inputChannels),
  };
}

function modelConfig(
  { head, classes, multiLabel = false }: FolderOptions,
  backbone: CompleteVisionTransformerOptions,
  imageSize: number,
  inputChannels: number,
): Readonly<Record<string, unknown>> {
  const { width, depth, heads, mlpRatio, layerNormEpsilon, patchSize, qkvBias } = backbone;
  return {
    model_type: "vit",
    architectures: [head ? "ViTForImageClassification" : "ViTModel"],
    hidden_size: width,
    num_hidden_layers: depth,
    num_attention_heads: heads,
    intermediate_size: Math.trunc(width * mlpRatio),
    hidden_act: "gelu",
    layer_norm_eps: layerNormEpsilon,
    qkv_bias: qkvBias !== false,
    image_size: imageSize,
    patch_size: patchSize,
    num_channels: inputChannels,
    ...(head && labels(head.options.classes, classes)),
    ...(head && {
      problem_type: multiLabel ? "multi_label_classification" : "single_label_classification",
    }),
    // In browsers transformers.js would look for a quantised file.
    "transformers.js_config": { dtype: "fp32" },
  };
}

function labels(count: number, classes: readonly string[] | undefined): Readonly<Record<string, unknown>> {
  const names = classes ?? Array.from({ length: count }, (_, i) => String(i));
  requireOption(names.length === count, "classes", `${count} names, as many as the head has classes`, names);
  requireOption(new Set(names).size === count, "classes", "names of which no two are alike", names);
  return {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/** Bicubic, in the numbers of Pillow. */
const BICUBIC = 3;

/**
 * As our own evaluation: the shorter side is resized and the middle cut out, which is what `BitImageProcessor` is for
 * (DINOv2's too); `ViTImageProcessor` would squash images that are not square.
 */
function preprocessorConfig(
  { mean, deviation, ...options }: FolderOptions,
  { channels }: CompleteVisionTransformerOptions,
  imageSize: number,
  inputChannels: number,
): Readonly<Record<string, unknown>> {
  for (const [name, numbers] of Object.entries({ mean, deviation })) {
    const lowest = name === "mean" ? 0 : Number.MIN_VALUE;
    const fits = numbers.length === channels && numbers.every((each) => each >= lowest && each <= 1);
    requireOption(
      fits,
      name,
      `${channels} numbers in [0, 1]${name === "mean" ? "" : ", none of them 0"}`,
      numbers,
    );
  }
  const { cropRatio = imageSize <= 64 ? 1 : 224 / 256 } = options;
  requireOption(cropRatio > 0 && cropRatio <= 1, "cropRatio", "a number above 0, at most 1", cropRatio);
  const perChannel = (numbers: readonly number[]) =>
    numbers.length === inputChannels ? numbers : Array.from({ length: inputChannels }, () => numbers[0]);
  return {
    image_processor_type: "BitImageProcessor",
    do_convert_rgb: inputChannels === 3,
    do_resize: true,
    size: { shortest_edge: Math.round(imageSize / cropRatio) },
    resample: BICUBIC,
    do_center_crop: true,
    crop_size: { height: imageSize, width: imageSize },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: perChannel(mean),
    image_std: perChannel(deviation),
  };
}
