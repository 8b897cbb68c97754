import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Backbone,
  type ClassifierHead,
  disposeParams,
  type Params,
  SitError,
  tensorFromSafetensors,
} from "@sitjs/core";
import { parseJsonBytes } from "@sitjs/core/json";
import { classifierHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { averageNormHead } from "../average-norm-head.js";
import { type PretrainedConfig, readConfig } from "../config.js";
import { type Preprocessing, readPreprocessing } from "../preprocessing.js";
import { ownHeadPrefix } from "../saved-tensors.js";
import { importWeights } from "../weights/import-weights.js";
import type { ImportReport } from "../weights/report.js";
import type { WeightSource } from "../weights/source.js";
import { type HubOptions, isRepository, openRepository } from "./hub-file.js";
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
 * Opens a pretrained folder, as `savePretrained` and transformers write it, or downloads one from Hugging Face. Weights
 * are `model.safetensors`, else `pytorch_model.bin`, of which nothing is executed.
 *
 * @param from a folder, or `owner/name` of a repository where there is no such folder
 * @throws SitError "missing-file", "bad-file", "bad-parameters", "network"
 */
export async function fromPretrained(from: string, options: HubOptions = {}): Promise<PretrainedModel> {
  const find = await finder(from, options);
  const read = async (path: string) => parseJsonBytes(await readFile(path), path);
  const configPath = (await find("config.json")) ?? missing(from, "config.json");
  const config = readConfig(await read(configPath), configPath);
  const preprocessorPath = await find("preprocessor_config.json");
  const preprocessing =
    preprocessorPath === undefined
      ? undefined
      : readPreprocessing(await read(preprocessorPath), preprocessorPath);
  const weightsPath =
    (await find("model.safetensors")) ??
    (await find("pytorch_model.bin")) ??
    missing(from, "model.safetensors or pytorch_model.bin");
  const backbone = visionTransformer(config.backbone);
  const module = config.head === undefined ? undefined : headOf(config);
  const weights = await openWeights(weightsPath);
  try {
    const { params, head: found, report } = await importWeights(weights, { backbone, source: weightsPath });
    try {
      const own = await readOwnHead(weights, weightsPath);
      const headParams = own ?? found?.params;
      if (own && found) disposeParams(found.params);
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
            throw new SitError("bad-parameters", `${from}: expected a classifier, got none`);
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

async function finder(
  from: string,
  options: HubOptions,
): Promise<(file: string) => Promise<string | undefined>> {
  const found = await stat(from).catch(() => undefined);
  if (found?.isDirectory()) {
    return async (file) => {
      const path = join(from, file);
      return (await stat(path).catch(() => undefined)) ? path : undefined;
    };
  }
  if (!isRepository(from)) {
    throw new SitError(
      "missing-file",
      `${from}: expected a folder, or owner/name of a repository, got neither`,
    );
  }
  const repository = openRepository(from, options);
  return (file) => repository.file(file);
}

function missing(from: string, what: string): never {
  throw new SitError("missing-file", `${from}: expected ${what}, got none`);
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
    const entry = await weights.read(name);
    params[name.slice(ownHeadPrefix.length)] = tensorFromSafetensors(entry, `${source}: ${name}`);
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
