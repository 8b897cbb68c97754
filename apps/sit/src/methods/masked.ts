import { crossEntropy, maskedL1, patchPixels } from "@sitjs/losses";
import { maskUnits, randomRotations, visiblePatches } from "@sitjs/masking";
import { gmmlRotation, mae, type SitOptions, simmim } from "@sitjs/train";
import { maskedDecoder, perceptronHead, pixelShuffleHead } from "@sitjs/vit";
import type { Settings } from "../settings/settings.js";
import type { MethodMaker } from "./maker.js";
import { corruptionOf, headInitialization, reconstructionOf } from "./parts.js";
import { oneView } from "./views.js";

export const gmmlRotationMaker: MethodMaker = {
  views: oneView,
  make(context) {
    const { settings, backbone } = context;
    const { width } = backbone;
    return gmmlRotation({
      backbone,
      corruption: corruptionOf(context),
      // The settings are refused where there is none.
      reconstruction: reconstructionOf(context) as NonNullable<SitOptions["reconstruction"]>,
      rotation: {
        head: perceptronHead({ width, output: 4, initialization: headInitialization(settings) }),
        loss: crossEntropy(),
        rotate: randomRotations,
      },
      alpha: settings.alpha,
    });
  },
};

export const maeMaker: MethodMaker = {
  views: oneView,
  make({ settings, backbone }) {
    const { width, patchSize, channels } = backbone;
    const { maskRatio, decoderWidth, decoderDepth: depth, decoderHeads: heads } = settings;
    const initialization = headInitialization(settings);
    return mae({
      backbone,
      sampler: visiblePatches({ ratio: maskRatio }),
      decoder: maskedDecoder({ width, decoderWidth, depth, heads, patchSize, channels, initialization }),
      loss: patchPixels({ patchSize, normalize: settings.pixelNormalization === "patch" }),
    });
  },
};

export const simmimMaker: MethodMaker = {
  views: oneView,
  make({ settings, backbone }) {
    const { width, patchSize, channels } = backbone;
    return simmim({
      backbone,
      masking: maskUnits({ unitSize: maskUnitOf(settings, patchSize), ratio: settings.maskRatio }),
      head: pixelShuffleHead({ width, patchSize, channels }),
      loss: maskedL1(),
    });
  },
};

/** Pixels: as many patches as divide the image and are at most a seventh of it, as SimMIM's 32 of 224. */
function maskUnitOf({ maskUnit, imageSize }: Settings, patchSize: number): number {
  if (maskUnit > 0) return maskUnit;
  const patches = imageSize / patchSize;
  let unit = Math.max(1, Math.floor(patches / 7));
  while (patches % unit !== 0) unit--;
  return unit * patchSize;
}
