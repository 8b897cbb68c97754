import type { Backbone, Corruption, ReconstructionLoss } from "@sitjs/core";
import { crossViewNtXent, maskedL1, maskedL2, ntXent } from "@sitjs/losses";
import { gmml, noCorruption } from "@sitjs/masking";
import { type Method, type SitOptions, sit } from "@sitjs/train";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import type { Parts } from "../config.js";
import type { Settings } from "../settings/definitions.js";

/** The network of the settings, or the one a config file has put in its place. */
export function makeBackbone(settings: Settings, parts: Parts): Backbone {
  const { imageSize, patchSize, channels, width, depth, heads, mlpRatio, dropPath, positions } = settings;
  const { initialization } = settings;
  return (
    parts.backbone ??
    visionTransformer({
      imageSize,
      patchSize,
      channels,
      width,
      depth,
      heads,
      mlpRatio,
      dropPath,
      positions,
      initialization,
    })
  );
}

/** The whole method of the settings with the parts put in. */
export function makeMethod(settings: Settings, parts: Parts): Method {
  const backbone = makeBackbone(settings, parts);
  return sit({
    backbone,
    corruption: parts.corruption ?? makeCorruption(settings),
    reconstruction:
      parts.reconstruction === undefined
        ? makeReconstruction(settings, backbone)
        : (parts.reconstruction ?? undefined),
    contrast: parts.contrast === undefined ? makeContrast(settings, backbone) : (parts.contrast ?? undefined),
    alpha: settings.alpha,
  });
}

function makeCorruption(settings: Settings): Corruption {
  if (settings.corruption === "none") return noCorruption();
  const kinds = settings.corruption.split("+") as ("zeros" | "noise" | "replace" | "rand")[];
  const shares = kinds.map((kind) => [
    kind,
    { ratio: kind === "replace" ? settings.replaceRatio : settings.corruptionRatio },
  ]);
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

function makeReconstruction(settings: Settings, backbone: Backbone): SitOptions["reconstruction"] {
  if (settings.reconstruction === "none") return undefined;
  const { width, patchSize, channels } = backbone;
  return {
    head: reconstructionHead({
      variant: settings.headVariant,
      width,
      patchSize,
      channels,
      hidden: settings.reconstructionHidden,
      initialization: settings.initialization,
    }),
    loss: reconstructionLosses[settings.reconstruction](),
  };
}

function makeContrast(settings: Settings, backbone: Backbone): SitOptions["contrast"] {
  if (settings.contrast === "none") return undefined;
  const { temperature } = settings;
  const teacher = settings.contrast === "teacher";
  return {
    head: projectionHead({
      variant: settings.headVariant,
      width: backbone.width,
      hidden: settings.projectionHidden,
      output: settings.projectionOutput,
      initialization: settings.initialization,
    }),
    loss: teacher ? crossViewNtXent({ temperature }) : ntXent({ temperature }),
    teacher,
  };
}
