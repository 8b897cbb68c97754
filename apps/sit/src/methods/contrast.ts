import { dinoViews } from "@sitjs/augment";
import { dinoLoss, infoNce, ntXent, teacherTemperatures } from "@sitjs/losses";
import { dino, mocoV3, simclr } from "@sitjs/train";
import { dinoHead, mocoHeads, projectionHead } from "@sitjs/vit";
import type { Settings } from "../settings/settings.js";
import type { MethodMaker } from "./maker.js";
import { headInitialization } from "./parts.js";
import { alikeViews, greyness, twoViews } from "./views.js";

export const mocoV3Maker: MethodMaker = {
  views: twoViews,
  make({ settings, backbone }) {
    const { projectionHidden: hidden, projectionOutput: output, temperature, patchEmbedding } = settings;
    return mocoV3({
      backbone,
      ...mocoHeads({ width: backbone.width, hidden, output, initialization: headInitialization(settings) }),
      loss: infoNce({ temperature }),
      freezePatchEmbedding: patchEmbedding === "frozen",
    });
  },
};

export const simclrMaker: MethodMaker = {
  views: alikeViews,
  make({ settings, backbone }) {
    const { projectionHidden: hidden, projectionOutput: output, temperature } = settings;
    const initialization = headInitialization(settings);
    return simclr({
      backbone,
      head: projectionHead({
        variant: "moco-v3",
        layers: 2,
        width: backbone.width,
        hidden,
        output,
        initialization,
      }),
      loss: ntXent({ temperature }),
    });
  },
};

export const dinoMaker: MethodMaker = {
  views(settings, statistics) {
    const { imageSize, views, cropScale, localCropScale, localCrops, flip, solarize } = settings;
    return dinoViews({
      size: imageSize,
      localSize: localSizeOf(settings),
      localCrops,
      preset: views,
      globalScale: [cropScale, 1],
      localScale: [localCropScale, cropScale],
      flip,
      solarize: [0, solarize],
      ...greyness(settings),
      ...statistics,
    });
  },
  make({ settings, backbone }) {
    const { projectionHidden: hidden, projectionOutput: bottleneck, prototypes, localCrops } = settings;
    const { teacherTemperature, finalTeacherTemperature, teacherWarmupEpochs, frozenEpochs } = settings;
    const initialization = headInitialization(settings);
    return dino({
      backbone,
      head: dinoHead({ width: backbone.width, hidden, bottleneck, output: prototypes, initialization }),
      loss: dinoLoss(),
      teacherTemperature: teacherTemperatures({
        start: teacherTemperature,
        final: finalTeacherTemperature,
        warmupEpochs: teacherWarmupEpochs,
      }),
      localCrops,
      freezeLastLayerEpochs: frozenEpochs,
    });
  },
};

/** Pixels of a small crop's side: whole patches, about as DINO's 96 of 224. */
function localSizeOf({ localSize, imageSize, patchSize }: Settings): number {
  if (localSize > 0) return localSize;
  return patchSize * Math.max(1, Math.round(((imageSize / patchSize) * 96) / 224));
}
