import type { AnyTarget } from "../target.js";
import { coco, csv, csvOneHot, csvSeparated, json, voc } from "./annotations.js";
import { cifar10, cifar100, compressedIdx, idx, stlImages, stlLabels } from "./images.js";
import { compressedMat, mat } from "./mat.js";
import { checkpoint, optionText, reportJson, settings } from "./runs.js";
import { lazySafetensors, safetensors } from "./safetensors.js";
import { keptPickle, pickle, torch, torchLegacy } from "./torch.js";

/** Every parser that is fuzzed. A new one is a `Target` and a line here. */
export const targets: readonly AnyTarget[] = [
  safetensors,
  lazySafetensors,
  torch,
  torchLegacy,
  pickle,
  keptPickle,
  checkpoint,
  idx,
  compressedIdx,
  cifar10,
  cifar100,
  stlImages,
  stlLabels,
  mat,
  compressedMat,
  csv,
  csvSeparated,
  csvOneHot,
  json,
  coco,
  voc,
  reportJson,
  settings,
  optionText,
];
