import type { Command } from "commander";
import { networkNames } from "../command-line/network-names.js";
import { readyPresets } from "../settings/ready-data.js";

/** The preset that a command begins with where none is named, for its help. */
export const usualPreset = `${readyPresets}, paper-small for a folder`;

export const positive = { type: "whole", minimum: 1 } as const;

/** The option of a command that looks at a pretrained network. */
export function withCheckpoint(command: Command): Command {
  return command.requiredOption("--checkpoint <path>", `what to look at: ${networkNames} (no default)`);
}
