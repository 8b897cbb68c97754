import { crossViewNtXent, ntXent } from "@sitjs/losses";
import { type SitOptions, sit } from "@sitjs/train";
import { projectionHead } from "@sitjs/vit";
import type { MakingContext, MethodMaker } from "./maker.js";
import { corruptionOf, headInitialization, reconstructionOf } from "./parts.js";
import { twoViews } from "./views.js";

export const sitMaker: MethodMaker = {
  views: twoViews,
  make: (context) =>
    sit({
      backbone: context.backbone,
      corruption: corruptionOf(context),
      reconstruction: reconstructionOf(context),
      contrast: contrastOf(context),
      alpha: context.settings.alpha,
    }),
};

/** SiT without contrast. */
export const gmmlMaker: MethodMaker = {
  views: twoViews,
  make: (context) =>
    sit({
      backbone: context.backbone,
      corruption: corruptionOf(context),
      reconstruction: reconstructionOf(context),
      alpha: 1,
    }),
};

function contrastOf({ settings, backbone, parts }: MakingContext): SitOptions["contrast"] {
  if (parts.contrast !== undefined) return parts.contrast ?? undefined;
  if (settings.contrast === "none") return undefined;
  const { temperature } = settings;
  const teacher = settings.contrast === "teacher";
  return {
    head: projectionHead({
      variant: settings.headVariant,
      width: backbone.width,
      hidden: settings.projectionHidden,
      output: settings.projectionOutput,
      initialization: headInitialization(settings),
    }),
    loss: teacher ? crossViewNtXent({ temperature }) : ntXent({ temperature }),
    teacher,
  };
}
