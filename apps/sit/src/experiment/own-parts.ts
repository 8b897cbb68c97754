import { SitError } from "@sitjs/core/errors";
import { configSum } from "../command-line/config-file.js";
import type { Resolved } from "../command-line/resolve.js";
import type { Parts } from "../config.js";
import type { CheckpointSettings } from "./checkpoint.js";
import { customParts } from "./session.js";

/** What a checkpoint says of the parts that are the user's own. */
export type OwnParts = Pick<CheckpointSettings, "customParts" | "config" | "configSha256">;

/** @param taken the parts that the command takes; default: all */
export async function ownParts(
  { configFile }: Pick<Resolved, "configFile">,
  parts: Parts,
  taken: readonly string[] = customParts(parts),
): Promise<OwnParts> {
  const own = customParts(parts).filter((name) => taken.includes(name));
  const sum = configFile === undefined || own.length === 0 ? undefined : await configSum(configFile);
  return { customParts: own, config: configFile, ...(sum !== undefined && { configSha256: sum }) };
}

/**
 * Throws unless a run goes on with the parts of its own that it began with, of a config file that is as it was.
 * @throws SitError "bad-option"
 */
export function requireSameParts({ saved }: { readonly saved: OwnParts }, now: OwnParts): void {
  const inWords = ({ customParts: names }: OwnParts) => names.join(", ") || "none";
  if (inWords(saved) !== inWords(now)) {
    throw new SitError(
      "bad-option",
      `--resume: expected the settings that the run began with: config parts ${inWords(saved)} (now ${inWords(now)})`,
      { mend: "Name the config file of that run, or begin a new run in another folder." },
    );
  }
  if (saved.configSha256 === undefined || saved.configSha256 === now.configSha256) return;
  throw new SitError(
    "bad-option",
    `--resume: expected the config file as it was when the run began, since its ${inWords(saved)} came from there: --config ${saved.config} with SHA-256 ${brief(saved)} (now ${now.config} with ${brief(now)})`,
    { mend: "Put the file back as it was, or begin a new run in another folder." },
  );
}

const brief = ({ configSha256 = "none" }: OwnParts) => configSha256.slice(0, 8);
