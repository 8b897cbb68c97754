import type { Backbone, Corruption, ReconstructionLoss } from "@sitjs/core";
import { maskedL1, maskedL2 } from "@sitjs/losses";
import { gmml, noCorruption } from "@sitjs/masking";
import type { SitOptions } from "@sitjs/train";
import { type Initialization, reconstructionHead } from "@sitjs/vit";
import type { Settings } from "../settings/settings.js";
import type { MakingContext } from "./maker.js";

/** How a head's layers start, where the backbone starts as a paper's code: those have heads by size too. */
export function headInitialization({ initialization }: Settings): Initialization {
  return initialization === "truncated-normal" ? "truncated-normal" : "xavier";
}

/** Groups of pixels, by the settings or from the config file. */
export function corruptionOf({ settings, parts }: Pick<MakingContext, "settings" | "parts">): Corruption {
  if (parts.corruption !== undefined) return parts.corruption;
  if (settings.corruption === "none") return noCorruption();
  const kinds = settings.corruption.split("+") as ("zeros" | "noise" | "replace" | "rand")[];
  const shares = kinds.map((kind) => {
    const ratio = kind === "replace" ? settings.replaceRatio : settings.corruptionRatio;
    return [kind, { ratio, minimumRatio: Math.min(settings.minimumRatio, ratio) }];
  });
  return gmml({
    ...Object.fromEntries(shares),
    blocks: { minimum: settings.blockMinimum, maximum: settings.blockMaximum },
    alignment: settings.alignment,
  });
}

const reconstructionLosses: Readonly<
  Record<Exclude<Settings["reconstruction"], "none">, () => ReconstructionLoss>
> = {
  "masked-l1": () => maskedL1(),
  "masked-l2": () => maskedL2(),
  l1: () => maskedL1({ over: "all" }),
  l2: () => maskedL2({ over: "all" }),
};

/** Head and loss of the reconstruction, by the settings or from the config file; undefined for none. */
export function reconstructionOf({ settings, backbone, parts }: MakingContext): SitOptions["reconstruction"] {
  const { reconstruction } = settings;
  const own = parts.reconstruction;
  if (own === null || (own === undefined && reconstruction === "none")) return undefined;
  const loss = reconstructionLosses[reconstruction === "none" ? "masked-l1" : reconstruction];
  return { head: own?.head ?? pixelHead(settings, backbone), loss: own?.loss ?? loss() };
}

/** From patch tokens to pixels, as SiT's. */
export function pixelHead(settings: Settings, { width, patchSize, channels }: Backbone) {
  const { headVariant: variant, reconstructionHidden: hidden } = settings;
  const initialization = headInitialization(settings);
  return reconstructionHead({ variant, width, patchSize, channels, hidden, initialization });
}
