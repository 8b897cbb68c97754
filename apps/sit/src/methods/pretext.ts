import { chrominanceL2, crossEntropy, maskedL2 } from "@sitjs/losses";
import {
  allRotations,
  centralHole,
  grayscale,
  jigsawPermutations,
  jigsawTiles,
  relativePositionTiles,
} from "@sitjs/masking";
import {
  colorization,
  contextEncoder,
  deepCluster,
  jigsawPuzzle,
  relativePositionPrediction,
  rotationPrediction,
} from "@sitjs/train";
import { perceptronHead } from "@sitjs/vit";
import type { MakingContext, MethodMaker } from "./maker.js";
import { headInitialization, pixelHead } from "./parts.js";
import { jigsawGap, neighbourSizes } from "./tiles.js";
import { oneView } from "./views.js";

/** From the class token, or those of several tiles side by side, to as many logits as there are classes. */
function classHead({ settings, backbone }: MakingContext, classes: number, tiles?: number) {
  const initialization = headInitialization(settings);
  if (tiles === undefined) return perceptronHead({ width: backbone.width, output: classes, initialization });
  const hidden = [settings.projectionHidden];
  return perceptronHead({ width: tiles * backbone.width, hidden, output: classes, initialization });
}

export const rotationMaker: MethodMaker = {
  views: oneView,
  make: (context) =>
    rotationPrediction({
      backbone: context.backbone,
      head: classHead(context, 4),
      loss: crossEntropy(),
      rotate: allRotations,
    }),
};

export const relativePositionMaker: MethodMaker = {
  views: oneView,
  make(context) {
    const { settings, backbone } = context;
    const { imageSize } = settings;
    const sizes = neighbourSizes({ imageSize, patchSize: backbone.patchSize });
    return relativePositionPrediction({
      backbone,
      head: classHead(context, 8, 2),
      loss: crossEntropy(),
      tiles: relativePositionTiles(sizes),
    });
  },
};

export const jigsawMaker: MethodMaker = {
  views: oneView,
  make(context) {
    const { settings, backbone } = context;
    const { imageSize, tileRows } = settings;
    const tiles = tileRows * tileRows;
    const permutations = jigsawPermutations(settings.permutations, tiles);
    const { gap } = jigsawGap({ imageSize, tileRows, patchSize: backbone.patchSize });
    return jigsawPuzzle({
      backbone,
      head: classHead(context, permutations.length, tiles),
      loss: crossEntropy(),
      tiles: jigsawTiles({ permutations, rows: tileRows, gap }),
    });
  },
};

export const colorizationMaker: MethodMaker = {
  views: oneView,
  make({ settings, backbone, statistics }) {
    const [mean, deviation] = [perColour(statistics.mean), perColour(statistics.deviation)];
    return colorization({
      backbone,
      corruption: grayscale({ mean, deviation }),
      head: pixelHead(settings, backbone),
      loss: chrominanceL2({ deviation }),
    });
  },
};

/** The settings are refused where images have another number of channels. */
function perColour(values: readonly number[]) {
  return values as readonly [red: number, green: number, blue: number];
}

export const contextEncoderMaker: MethodMaker = {
  views: oneView,
  make: ({ settings, backbone }) =>
    contextEncoder({
      backbone,
      corruption: centralHole(),
      head: pixelHead(settings, backbone),
      loss: maskedL2(),
    }),
};

export const deepClusterMaker: MethodMaker = {
  views: oneView,
  make(context) {
    const { settings, backbone, images } = context;
    const { clusters } = settings;
    return deepCluster({
      backbone,
      head: classHead(context, clusters),
      loss: crossEntropy(),
      clusters,
      images,
    });
  },
};
