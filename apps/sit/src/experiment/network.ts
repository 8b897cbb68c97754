import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { ParsedOptions } from "../command-line/resolve.js";
import { findCheckpoint } from "./checkpoint.js";
import type { FoundNetwork } from "./found-network.js";
import { loadJudged } from "./judged-network.js";
import { pretrainedNetwork } from "./pretrained-network.js";
import type { Reporter } from "./reporter.js";
import { loadTrained } from "./trained.js";

interface FindOptions {
  /** What asked for it, for errors. */
  readonly option: string;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Finds the network of a run, of a pretrained folder or file of weights, or of a repository of Hugging Face
 * (`hf:OWNER/NAME@REVISION`), which is downloaded.
 *
 * @throws SitError "missing-file", "bad-file", "bad-parameters" or "network", naming what was expected
 */
export async function findNetwork(named: string, options: FindOptions): Promise<FoundNetwork> {
  const { option, report } = options;
  if (!(await isCheckpoint(named))) return await pretrainedNetwork(named, options);
  const found = await findCheckpoint(named, option, report);
  const { saved, info } = found;
  return {
    named,
    origin: { kind: "run", name: named, sha256: info.file.sha256 },
    saved: { ...saved, multiLabel: saved.command === "multilabel" },
    load: (settings) => loadTrained(found, settings),
    loadJudged: (settings) => loadJudged(found, settings),
  };
}

/** True for a folder without a `config.json`, and for a file beside a checkpoint's own description. */
async function isCheckpoint(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const isThere = async (name: string) => (await stat(name).catch(() => undefined)) !== undefined;
  if (found?.isDirectory()) return !(await isThere(join(path, "config.json")));
  return found !== undefined && (await isThere(join(dirname(path), "checkpoint.json")));
}

/** As `findNetwork` of `--checkpoint`, without a choice of weights where there is none. */
export async function findNetworkOf(
  options: ParsedOptions,
  how: Omit<FindOptions, "option">,
): Promise<FoundNetwork> {
  const network = await findNetwork(options.checkpoint as string, { ...how, option: "--checkpoint" });
  requireOwnWeights(network, options);
  return network;
}

/** @throws SitError "bad-option" for student or teacher of what is not a run of ours */
export function requireOwnWeights({ origin }: FoundNetwork, { weights }: ParsedOptions): void {
  if (weights === undefined || origin.kind === "run") return;
  throw new SitError(
    "bad-option",
    `--weights: expected a run of sit with it, got a ${origin.kind}: ${origin.name}`,
    { mend: "Of a file with several networks sit import chooses one, by --network." },
  );
}

/** @throws SitError "bad-option" for a network that the settings do not describe; `why` they have to */
export function requireOwnBackbone({ saved, named }: FoundNetwork, why = ""): void {
  if (!saved.customParts.includes("backbone")) return;
  throw new SitError(
    "bad-option",
    `run ${named}: expected a network of the settings, got one from the config file ${saved.config}${why}`,
  );
}
