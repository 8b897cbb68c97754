import { dinoMaker, mocoV3Maker, simclrMaker } from "./contrast.js";
import type { MethodMaker } from "./maker.js";
import { gmmlRotationMaker, maeMaker, simmimMaker } from "./masked.js";
import type { MethodName } from "./names.js";
import {
  colorizationMaker,
  contextEncoderMaker,
  deepClusterMaker,
  jigsawMaker,
  relativePositionMaker,
  rotationMaker,
} from "./pretext.js";
import { deepInfomaxMaker, relationalMaker } from "./relations.js";
import { gmmlMaker, sitMaker } from "./sit.js";

/** How each method is made, by the name that `--method` has for it. */
export const methodMakers: Readonly<Record<MethodName, MethodMaker>> = {
  sit: sitMaker,
  gmml: gmmlMaker,
  "gmml-rotation": gmmlRotationMaker,
  mae: maeMaker,
  simmim: simmimMaker,
  "moco-v3": mocoV3Maker,
  dino: dinoMaker,
  simclr: simclrMaker,
  rotation: rotationMaker,
  "relative-position": relativePositionMaker,
  jigsaw: jigsawMaker,
  colorization: colorizationMaker,
  "context-encoder": contextEncoderMaker,
  "deep-cluster": deepClusterMaker,
  "deep-infomax": deepInfomaxMaker,
  relational: relationalMaker,
};
