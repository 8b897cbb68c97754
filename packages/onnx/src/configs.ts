import { requireOption } from "@sitjs/core";
import { evaluationPreprocessing, formatPreprocessing, huggingFaceConfig } from "@sitjs/hub";
import { completeOptions } from "@sitjs/vit";
import type { ExportOnnxOptions } from "./export-onnx.js";

/** What transformers and transformers.js are told beside the network. */
export interface FolderOptions extends ExportOnnxOptions {
  /** Mean of each channel in training, values scaled to 0..1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly deviation: readonly number[];
  /** Names of the classes, in their order; by default "LABEL_0", "LABEL_1" and so on. */
  readonly classes?: readonly string[];
  /** True where an image may show several classes: each logit then has a sigmoid of its own (default false). */
  readonly multiLabel?: boolean;
  /**
   * The image's side over that to which the shorter one is resized, before the middle is cut out: as `evalView` of
   * `@sitjs/augment`, and by the same default, 1 up to 64 pixels, above that 224 / 256.
   */
  readonly cropRatio?: number;
}

/**
 * The content of `config.json` and `preprocessor_config.json`, as those of a pretrained folder of `@sitjs/hub`. Whatever
 * the network is, for those who open the folder it is what the graph does.
 */
export function folderConfigs(options: FolderOptions): {
  readonly config: Readonly<Record<string, unknown>>;
  readonly preprocessor: Readonly<Record<string, unknown>>;
} {
  const { head, classes, multiLabel, mean, deviation, cropRatio } = options;
  const backbone = completeOptions(options.backbone);
  const { imageSize: size = backbone.imageSize, inputChannels = backbone.channels } = options;
  for (const [name, numbers] of Object.entries({ mean, deviation })) {
    const lowest = name === "mean" ? 0 : Number.MIN_VALUE;
    const fits = numbers.length === backbone.channels && numbers.every((each) => each >= lowest && each <= 1);
    const expected = `${backbone.channels} numbers in [0, 1]${name === "mean" ? "" : ", none of them 0"}`;
    requireOption(fits, name, expected, numbers);
  }
  if (head !== undefined && classes !== undefined) requireNames(classes, head.options.classes);
  const perChannel = (numbers: readonly number[]) =>
    numbers.length === inputChannels
      ? numbers
      : Array.from({ length: inputChannels }, () => numbers[0] as number);
  const named = head && { classes: head.options.classes, labels: classes, multiLabel };
  return {
    config: {
      ...huggingFaceConfig(backbone, named),
      image_size: size,
      num_channels: inputChannels,
      // In browsers transformers.js would look for a quantised file.
      "transformers.js_config": { dtype: "fp32" },
    },
    preprocessor: formatPreprocessing(
      evaluationPreprocessing({ size, mean: perChannel(mean), std: perChannel(deviation), cropRatio }),
      inputChannels,
    ),
  };
}

/** Two classes of one name would be one in transformers.js. */
function requireNames(names: readonly string[], count: number): void {
  requireOption(names.length === count, "classes", `${count} names, as many as the head has classes`, names);
  requireOption(new Set(names).size === count, "classes", "names of which no two are alike", names);
}
