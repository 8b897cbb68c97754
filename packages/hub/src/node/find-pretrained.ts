import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core";
import { parseJsonBytes } from "@sitjs/core/json";
import { type PretrainedConfig, readConfig } from "../config.js";
import { type Preprocessing, readPreprocessing } from "../preprocessing.js";
import { isTimmConfig, readTimmConfig } from "../timm-folder.js";
import { type ArchitectureOptions, inferArchitecture } from "../weights/architecture.js";
import { type HubOptions, isRepository, openRepository } from "./hub-file.js";
import { openWeights } from "./open-weights.js";

/** What no file of weights tells, or tells by its names alone. */
export interface WeightFileOptions extends Pick<ArchitectureOptions, "network" | "heads" | "imageSize"> {
  /** Whose names a file of weights has; default "auto", by its names. */
  readonly origin?: ArchitectureOptions["from"];
  /** See `openTorch`. */
  readonly only?: string | undefined;
}

export type PretrainedOptions = HubOptions & WeightFileOptions;

/** A pretrained network that has been looked at: of its weights names and shapes alone are read. */
export interface FoundPretrained {
  readonly from: string;
  readonly kind: "folder" | "file" | "repository";
  /** The commit of a repository. */
  readonly commit: string | undefined;
  /** The file of its weights. */
  readonly weights: string;
  readonly config: PretrainedConfig;
  /** Undefined where nothing says. */
  readonly preprocessing: Preprocessing | undefined;
  /** How its weights are to be read, as it was asked for. */
  readonly reading: Pick<WeightFileOptions, "origin" | "network" | "only">;
}

/**
 * Looks at a pretrained folder, as `savePretrained`, transformers and timm write it, at a file of weights (safetensors or
 * PyTorch), or downloads a folder from Hugging Face. The network of a file is told by its tensors.
 *
 * @param from a folder, a file, or `owner/name` of a repository where there is neither
 * @throws SitError "missing-file", "bad-file", "bad-parameters", "bad-option", "network"
 */
export async function findPretrained(
  from: string,
  options: PretrainedOptions = {},
): Promise<FoundPretrained> {
  const there = await stat(from).catch(() => undefined);
  if (there?.isFile()) return await findFile(from, options);
  const folder = there?.isDirectory() ? localFolder(from) : repositoryOf(from, options);
  const found = async (...names: [string, ...string[]]) => {
    for (const name of names) {
      const path = await folder.file(name);
      if (path !== undefined) return path;
    }
    throw new SitError("missing-file", `${from}: expected ${names.join(" or ")}, got none`);
  };
  const read = async (path: string) => parseJsonBytes(await readFile(path), path);
  const configPath = await found("config.json");
  const json = await read(configPath);
  const timm = isTimmConfig(json);
  const own = timm ? undefined : readConfig(json, configPath);
  const processor = timm ? undefined : await folder.file("preprocessor_config.json");
  const preprocessing =
    processor === undefined ? undefined : readPreprocessing(await read(processor), processor);
  const weights = await found("model.safetensors", "pytorch_model.bin");
  return {
    from,
    kind: there ? "folder" : "repository",
    commit: await folder.commit?.(),
    weights,
    reading: readingOf(options),
    ...(own
      ? { config: own, preprocessing }
      : readTimmConfig(json, await tensorsIn(weights, options), configPath, options)),
  };
}

async function findFile(path: string, options: PretrainedOptions): Promise<FoundPretrained> {
  const { origin, network, heads, imageSize } = options;
  const tensors = await tensorsIn(path, options);
  const found = inferArchitecture(tensors, { from: origin, network, heads, imageSize, source: path });
  return {
    from: path,
    kind: "file",
    commit: undefined,
    weights: path,
    reading: readingOf(options),
    config: { ...found, labels: undefined, multiLabel: false },
    preprocessing: undefined,
  };
}

const readingOf = ({ origin, network, only }: PretrainedOptions) => ({ origin, network, only });

async function tensorsIn(path: string, { only }: PretrainedOptions) {
  const weights = await openWeights(path, { only });
  await weights.close();
  return weights.tensors;
}

/** Files by their names in a folder or repository. */
interface Files {
  file(name: string): Promise<string | undefined>;
  commit?(): Promise<string | undefined>;
}

const localFolder = (folder: string): Files => ({
  async file(name) {
    const path = join(folder, name);
    return (await stat(path).catch(() => undefined)) ? path : undefined;
  },
});

function repositoryOf(from: string, options: HubOptions): Files {
  if (isRepository(from)) return openRepository(from, options);
  throw new SitError(
    "missing-file",
    `${from}: expected a folder, a file of weights, or owner/name of a repository, got none of them`,
  );
}
