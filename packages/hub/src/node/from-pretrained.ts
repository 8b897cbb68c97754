import {
  type Backbone,
  type ClassifierHead,
  disposeParams,
  type Params,
  printable,
  SitError,
  tensorFromSafetensors,
} from "@sitjs/core";
import { classifierHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { averageNormHead } from "../average-norm-head.js";
import type { PretrainedConfig } from "../config.js";
import type { Preprocessing } from "../preprocessing.js";
import { ownHeadPrefix } from "../saved-tensors.js";
import { importWeights, requireFinite } from "../weights/import-weights.js";
import type { ImportReport } from "../weights/report.js";
import type { WeightSource } from "../weights/source.js";
import { type FoundPretrained, findPretrained, type PretrainedOptions } from "./find-pretrained.js";
import { openWeights } from "./open-weights.js";

/** A network with its weights. */
export interface PretrainedModel {
  readonly config: PretrainedConfig;
  readonly backbone: Backbone;
  readonly params: Params;
  /** The classifier, where the folder has one. */
  readonly head: { readonly module: ClassifierHead; readonly params: Params } | undefined;
  /** Undefined where the folder does not say. */
  readonly preprocessing: Preprocessing | undefined;
  readonly report: ImportReport;
  /**
   * Class logits [batch, classes] of preprocessed images [batch, height, width, channels]; the caller's.
   * @throws SitError "bad-parameters" without a classifier
   */
  classify(images: tf.Tensor4D): tf.Tensor2D;
  dispose(): void;
}

/**
 * Opens a pretrained folder, as `savePretrained`, transformers and timm write it, a file of weights whose tensors tell the
 * network, or downloads a folder from Hugging Face. Weights are `model.safetensors`, else `pytorch_model.bin`, of which
 * nothing is executed.
 *
 * @param from a folder, a file, or `owner/name` of a repository where there is neither; or what `findPretrained` has found,
 *   by its own options
 * @throws SitError "missing-file", "bad-file", "bad-parameters", "bad-option", "network"
 */
export async function fromPretrained(
  from: string | FoundPretrained,
  options: PretrainedOptions = {},
): Promise<PretrainedModel> {
  const found = typeof from === "string" ? await findPretrained(from, options) : from;
  const { config, preprocessing, weights: weightsPath } = found;
  const { origin, network, only } = found.reading;
  const backbone = visionTransformer(config.backbone);
  const module = config.head === undefined ? undefined : headOf(config);
  const weights = await openWeights(weightsPath, { only });
  try {
    const imported = await importWeights(weights, { backbone, from: origin, network, source: weightsPath });
    const { params, head: named, report } = imported;
    try {
      requireWhole(report, weightsPath);
      const own = await readOwnHead(weights, weightsPath);
      const headParams = own ?? named?.params;
      if (own && named) disposeParams(named.params);
      if (module !== undefined) checkHead(module, headParams, weightsPath);
      else if (headParams) disposeParams(headParams);
      const head = module && headParams ? { module, params: headParams } : undefined;
      const notUsed = report.notUsed.filter((name) => head === undefined || !name.startsWith(ownHeadPrefix));
      return {
        config,
        backbone,
        params,
        head,
        preprocessing,
        report: { ...report, notUsed },
        classify(images) {
          if (head === undefined)
            throw new SitError("bad-parameters", `${found.from}: expected a classifier, got none`);
          return tf.tidy(() => {
            const before = config.head?.kind === "average-norm";
            const { tokens, blocks } = backbone.apply(params, images, { train: false, blocks: before });
            const input = before ? (blocks.at(-1) as tf.Tensor3D) : tokens;
            return head.module.apply(head.params, input, { train: false }).output;
          });
        },
        dispose() {
          disposeParams(params);
          if (head) disposeParams(head.params);
        },
      };
    } catch (error) {
      disposeParams(params);
      throw error;
    }
  } finally {
    await weights.close();
  }
}

/**
 * Throws where the network in the file has parts of which ours has none: it would be another one without them.
 */
function requireWhole({ notUsed, prefix }: ImportReport, source: string): void {
  const part = /^(blocks|encoder[.]layer|layers|norm_pre|reg_token|dist_token|register_tokens)([.]|$)/;
  const index = /relative_position_index$/;
  const other = notUsed.find(
    (name) => name.startsWith(prefix) && part.test(name.slice(prefix.length)) && !index.test(name),
  );
  if (other === undefined) return;
  throw new SitError(
    "bad-parameters",
    `${source}: expected a plain vision transformer, got one with ${printable(other)}, which ours has not`,
  );
}

function headOf({ backbone, head }: PretrainedConfig): ClassifierHead {
  const { width = 384, layerNormEpsilon = 1e-6 } = backbone;
  const { kind = "linear", classes = 1, input } = head ?? {};
  return kind === "average-norm"
    ? averageNormHead({ width, classes, layerNormEpsilon })
    : classifierHead({ kind, width, classes, ...(input && { input }) });
}

async function readOwnHead(weights: WeightSource, source: string): Promise<Params | undefined> {
  const names = Object.keys(weights.tensors).filter((name) => name.startsWith(ownHeadPrefix));
  const params: Record<string, tf.Tensor> = {};
  for (const name of names) {
    const label = `${source}: ${name}`;
    const tensor = tensorFromSafetensors(await weights.read(name), label);
    params[name.slice(ownHeadPrefix.length)] = tensor;
    await requireFinite(tensor, label).catch((error: unknown) => {
      disposeParams(params);
      throw error;
    });
  }
  return names.length > 0 ? params : undefined;
}

/** A head's parameters must be those that the config speaks of. */
function checkHead(module: ClassifierHead, params: Params | undefined, source: string): void {
  const last = params?.weight ?? params?.["2.weight"];
  if (params === undefined || last === undefined || last.shape[0] !== module.classes) {
    throw new SitError(
      "bad-parameters",
      `${source}: expected a classifier of ${module.classes} classes, got ${last ? last.shape[0] : "none"}`,
    );
  }
}
