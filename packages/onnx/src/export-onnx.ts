import { type Params, requireOption, SitError } from "@sitjs/core";
import {
  type ClassifierHeadOptions,
  type CompleteVisionTransformerOptions,
  completeClassifierOptions,
  completeOptions,
  type VisionTransformerOptions,
} from "@sitjs/vit";
import { addBackbone } from "./backbone.js";
import { Graph, type Value } from "./graph.js";
import { addGelu, addLinear, addPooling, linearLayer, type Pooling } from "./layers.js";
import { encodeModel, type TensorMessage, type ValueMessage } from "./messages.js";

/** What a file computes of an image. */
export type OnnxOutput = "tokens" | "embedding" | "logits";

/** A classifier on the backbone's tokens; `options.width` is the backbone's. */
export interface OnnxHead {
  readonly options: Omit<ClassifierHeadOptions, "width">;
  /** As `classifierHead` of `@sitjs/vit` names them. Borrowed. */
  readonly params: Params;
}

export interface ExportOnnxOptions {
  /** What `visionTransformer` was made with. Drop path and initialisation are of no matter. */
  readonly backbone: VisionTransformerOptions;
  /** The backbone's parameters. Borrowed. */
  readonly params: Params;
  /** For logits: the classifier. */
  readonly head?: OnnxHead;
  /**
   * "tokens": `last_hidden_state` [batch, 1 + patches, width]; "embedding": that and `pooler_output` [batch, features];
   * "logits": `logits` [batch, classes]. Default "logits" with a head, else "tokens".
   */
  readonly output?: OnnxOutput;
  /** For an embedding: the class-like token (default), the mean of the patches, or both joined. */
  readonly pooling?: Pooling;
  /** Side of the images in pixels, a multiple of the patches (default the backbone's); positions are interpolated. */
  readonly imageSize?: number;
  /**
   * Channels of the images: the backbone's own (default), or 3 for a backbone of one channel, which then sees the luma
   * of colour images, 0.299 R + 0.587 G + 0.114 B. All three are normalised by the numbers of the one.
   */
  readonly inputChannels?: number;
  /** Version of ONNX's operators, 17 (default) to 21; from 20 on GELU is one operator. */
  readonly opset?: number;
}

/** ONNX's file version of the release that brought the operators' version. */
const irVersions: Readonly<Record<number, number>> = { 17: 8, 18: 8, 19: 9, 20: 9, 21: 10 };

/** Protocol Buffers end here; weights beyond would have to lie in files of their own. */
const LARGEST = 2 ** 31;

/**
 * A vision transformer, with or without a classifier, as an ONNX file. Its input is `pixel_values` [batch, channels,
 * height, width], normalised as in training, of any batch size; its outputs have the names that transformers and
 * transformers.js give them. What it computes is `visionTransformer`'s `apply` without training, in float32.
 *
 * @returns the file's bytes. Waits for the device.
 * @throws SitError "bad-option"; "bad-parameters" and "bad-shape" for parameters that are missing or do not fit
 */
export async function exportOnnx(options: ExportOnnxOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { params, head, opset = 17, pooling = "token" } = options;
  const backbone = completeOptions(options.backbone);
  const { output = head ? "logits" : "tokens", imageSize = backbone.imageSize } = options;
  const { inputChannels = backbone.channels } = options;
  check({ ...options, output, imageSize, inputChannels, opset, pooling }, backbone);
  const graph = new Graph(opset);
  const images = "pixel_values";
  const tokens = addBackbone(graph, images, params, backbone, { imageSize, inputChannels });
  const outputs =
    output === "logits" && head
      ? [addClassifier(graph, tokens, backbone.width, head)]
      : tokenOutputs(graph, tokens, { output, pooling, backbone, imageSize });
  const tensors = await graph.finish();
  requireSize(tensors);
  return encodeModel({
    name: `vit-${backbone.width}x${backbone.depth}-patch${backbone.patchSize}`,
    producer: "@sitjs/onnx",
    irVersion: irVersions[opset] as number,
    opset,
    nodes: graph.nodes,
    tensors,
    inputs: [{ name: images, shape: ["batch", inputChannels, imageSize, imageSize] }],
    outputs,
    metadata: {},
  });
}

function check(
  { output, head, imageSize, inputChannels, opset, pooling }: ExportOnnxOptions,
  { patchSize, channels }: CompleteVisionTransformerOptions,
): void {
  const outputs: unknown[] = ["tokens", "embedding", "logits"];
  requireOption(outputs.includes(output), "output", '"tokens", "embedding" or "logits"', output);
  const poolings: unknown[] = ["token", "mean", "token+mean"];
  requireOption(poolings.includes(pooling), "pooling", '"token", "mean" or "token+mean"', pooling);
  requireOption((output === "logits") === (head !== undefined), "head", "one for logits, else none", {
    output,
    head: head?.options,
  });
  const versions = Object.keys(irVersions);
  requireOption(versions.includes(String(opset)), "opset", versions.join(", "), opset);
  const fits =
    Number.isSafeInteger(imageSize) && Number(imageSize) > 0 && Number(imageSize) % patchSize === 0;
  requireOption(fits, "imageSize", `a multiple of patchSize ${patchSize}`, imageSize);
  const seen = inputChannels === channels || (channels === 1 && inputChannels === 3);
  const possible = channels === 1 ? "1 or 3" : `${channels}, the backbone's`;
  requireOption(seen, "inputChannels", possible, inputChannels);
}

function tokenOutputs(
  graph: Graph,
  tokens: Value,
  {
    output,
    pooling,
    backbone: { width, patchSize },
    imageSize,
  }: {
    readonly output: OnnxOutput;
    readonly pooling: Pooling;
    readonly backbone: CompleteVisionTransformerOptions;
    readonly imageSize: number;
  },
): readonly ValueMessage[] {
  const count = 1 + (imageSize / patchSize) ** 2;
  const name = graph.node("Identity", "last_hidden_state", [tokens]);
  const all = { name, shape: ["batch", count, width] };
  if (output === "tokens") return [all];
  const pooled = graph.node("Identity", "pooler_output", [addPooling(graph, tokens, pooling)]);
  return [all, { name: pooled, shape: ["batch", pooling === "token+mean" ? 2 * width : width] }];
}

function addClassifier(
  graph: Graph,
  tokens: Value,
  width: number,
  { options, params }: OnnxHead,
): ValueMessage {
  const { kind, input, classes } = completeClassifierOptions({ ...options, width });
  const pooled = addPooling(graph, tokens, input);
  const features = input === "token+mean" ? 2 * width : width;
  const logits = (of: Value, name: string, inputs: number) =>
    addLinear(graph, `classifier${name && `.${name}`}`, of, linearLayer(params, name, classes, inputs));
  const hidden = () =>
    addGelu(
      graph,
      "classifier.1",
      addLinear(graph, "classifier.0", pooled, linearLayer(params, "0", width, features)),
    );
  const output = kind === "linear" ? logits(pooled, "", features) : logits(hidden(), "2", width);
  return { name: graph.node("Identity", "logits", [output]), shape: ["batch", classes] };
}

function requireSize(tensors: readonly TensorMessage[]): void {
  const bytes = tensors.reduce((sum, { values }) => sum + values.byteLength, 0);
  if (bytes < LARGEST) return;
  throw new SitError(
    "bad-parameters",
    `params: expected less than ${LARGEST / 2 ** 30} GB, all that one ONNX file can hold, got ${(bytes / 2 ** 30).toFixed(1)} GB`,
  );
}
