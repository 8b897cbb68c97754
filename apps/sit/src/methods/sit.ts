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
  const own = parts.contrast;
  if (own === null || (own === undefined && settings.contrast === "none")) return undefined;
  const { temperature } = settings;
  const teacher = own?.teacher ?? settings.contrast !== "self";
  const head = () =>
    projectionHead({
      variant: settings.headVariant,
      width: backbone.width,
      hidden: settings.projectionHidden,
      output: settings.projectionOutput,
      initialization: headInitialization(settings),
    });
  const loss = () => (teacher ? crossViewNtXent({ temperature }) : ntXent({ temperature }));
  return { head: own?.head ?? head(), loss: own?.loss ?? loss(), teacher };
}
