import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { imageNetStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import { describeImport, type ImportReport, type Preprocessing } from "@sitjs/hub";
import {
  type FoundPretrained,
  findPretrained,
  fromPretrained,
  type PretrainedOptions,
} from "@sitjs/hub/node";
import { completeOptions } from "@sitjs/vit";
import { networkNames } from "../command-line/network-names.js";
import { checkSettings } from "../settings/check.js";
import { presetFor } from "../settings/presets.js";
import type { Settings } from "../settings/settings.js";
import type { FoundNetwork } from "./found-network.js";
import type { JudgedNetwork } from "./judged-network.js";
import { type Reporter, stage } from "./reporter.js";
import { forImagesOf } from "./trained.js";

interface Finding {
  readonly option: string;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Looks at a pretrained folder, a file of weights or `hf:OWNER/NAME@REVISION`; large files of a repository are downloaded
 * as a stage.
 *
 * @throws SitError with the option before its message
 */
export async function findNamed(
  named: string,
  { option, report, signal }: Finding,
  options: PretrainedOptions = {},
): Promise<FoundPretrained> {
  const [, repository, revision] = /^hf:([^@]*)(?:@(.*))?$/s.exec(named) ?? [];
  if (repository === undefined) {
    // Else a path with a slip in it would be looked for on the network.
    if ((await stat(named).catch(() => undefined)) !== undefined) {
      return await naming(option, () => findPretrained(named, options));
    }
    throw new SitError("missing-file", `${option} ${named}: expected ${networkNames}, got nothing there`);
  }
  return await stage(report, `Hugging Face's ${repository}`, { unit: "MB" }, async ({ progress }) => {
    const onProgress: PretrainedOptions["onProgress"] = ({ receivedBytes, totalBytes }) =>
      progress({
        done: Math.round(receivedBytes / 1e6),
        total: Math.max(1, Math.round((totalBytes ?? 0) / 1e6)),
      });
    const hub = { ...options, signal, onProgress, ...(revision !== undefined && { revision }) };
    return await naming(option, () => findPretrained(repository, hub));
  });
}

async function naming<T>(option: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    throw new SitError(error.code, `${option} ${error.message}`, { mend: error.mend, cause: error });
  }
}

/** The network of a pretrained folder, a file or a repository, as commands take that of a run. */
export async function pretrainedNetwork(named: string, finding: Finding): Promise<FoundNetwork> {
  const { option, report } = finding;
  const found = await findNamed(named, finding);
  const { config, preprocessing, kind, commit } = found;
  const settings = settingsOf(found, option);
  const open = () =>
    naming(option, async () => {
      const model = await fromPretrained(found);
      tellImport(model.report, report);
      return model;
    });
  tellPreprocessing(named, preprocessing, report);
  const { mean, std } = preprocessing ?? { mean: imageNetStatistics.mean, std: imageNetStatistics.deviation };
  const sum = await hashFile(found.weights, createHash("sha256"), finding.signal);
  return {
    named,
    origin: { kind, name: named, ...(commit !== undefined && { commit }), sha256: sum.digest("hex") },
    saved: {
      kind: config.head === undefined ? "pretrain" : "finetune",
      settings,
      statistics: { mean, deviation: std },
      customParts: [],
      classes: classesOf(found),
      multiLabel: config.multiLabel,
    },
    async load(now) {
      const { params, dispose } = await open();
      return forImagesOf(now, settings, { backbone: params, dispose });
    },
    async loadJudged() {
      const { params, head, dispose } = await open();
      const classifier = head && { ...classifierOf(found, option), params: head.params };
      return { backbone: params, ...(classifier && { classifier }), dispose };
    },
  };
}

/** Names of the classes, as transformers calls those that have none. */
function classesOf({ config: { head, labels } }: FoundPretrained): readonly string[] | undefined {
  return head && (labels ?? Array.from({ length: head.classes }, (_, i) => `LABEL_${i}`));
}

function classifierOf(
  found: FoundPretrained,
  option: string,
): Omit<NonNullable<JudgedNetwork["classifier"]>, "params"> {
  const { kind = "linear", input = kind === "linear" ? "token" : "token+mean" } = found.config.head ?? {};
  if (kind !== "average-norm") return { kind, input, classes: classesOf(found) ?? [] };
  throw new SitError(
    "bad-option",
    `${option} ${found.from}: expected a classifier of one or two linear layers, got one of the average's norm`,
  );
}

/** The settings of a network that was made elsewhere: its shape, and else those of the paper. */
function settingsOf({ config, weights }: FoundPretrained, option: string): Settings {
  const backbone = completeOptions(config.backbone);
  const { imageSize, patchSize, channels, width, depth, heads, mlpRatio, layerNormEpsilon } = backbone;
  const { positions, relativePositions, qkvBias, layerScale } = backbone;
  const refuse = (expected: string, got: string): never => {
    throw new SitError("bad-option", `${option} ${weights}: expected a network with ${expected}, got ${got}`);
  };
  if (channels !== 1 && channels !== 3) return refuse("1 or 3 channels", String(channels));
  if (relativePositions && positions !== "none")
    refuse("positions of one kind", `relative and ${positions} ones`);
  const usual = relativePositions ? "query-value" : true;
  if (qkvBias !== usual) {
    refuse(
      relativePositions ? "no bias on keys alone" : "a bias on queries, keys and values",
      String(qkvBias),
    );
  }
  const settings: Settings = {
    ...presetFor("paper-small", "sit"),
    // There are none of ImageNet in grey; what the folder says of mean and deviation is taken in any case.
    ...(channels === 1 && { statistics: "dataset" as const }),
    imageSize,
    patchSize,
    channels,
    width,
    depth,
    heads,
    mlpRatio,
    layerNormEpsilon,
    positions: relativePositions ? "relative" : positions,
    layerScale: layerScale ?? 0,
  };
  checkSettings(settings, (name) => `${option} ${weights}: ${name}`);
  return settings;
}

/** Says what of a file was not taken, and nothing where that is nothing. */
function tellImport(imported: ImportReport, report: Reporter): void {
  if (imported.notUsed.length === 0 && imported.missing.length === 0) return;
  report({ event: "note", text: describeImport(imported).replaceAll("\n", "; ") });
}

/** Says how images are prepared, where that is not what the network was made with. */
function tellPreprocessing(named: string, of: Preprocessing | undefined, report: Reporter): void {
  if (of?.shorterSide !== undefined && of.interpolation === "bicubic") return;
  const how = of?.shorterSide === undefined ? "both sides resized" : "the middle cut out";
  const text =
    of === undefined
      ? "nothing says how images are normalised; ImageNet's mean and deviation are taken"
      : `made with images ${of.interpolation}, ${how}; here bicubic, the middle cut out`;
  report({ event: "note", text: `${named}: ${text}` });
}
