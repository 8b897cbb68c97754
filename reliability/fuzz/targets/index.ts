import type { AnyTarget } from "../target.js";
import { coco, csv, csvOneHot, csvSeparated, json, voc } from "./annotations.js";
import { compressedTar, tarArchive, zipArchive } from "./archives.js";
import { cifar10, cifar100, compressedIdx, idx, stlImages, stlLabels } from "./images.js";
import { classNames, columnList, imageEnds } from "./lists.js";
import { compressedMat, mat } from "./mat.js";
import { numpyEmbeddings } from "./numpy.js";
import { parquetEmbeddings, parquetImages } from "./parquet.js";
import { networkConfig, preprocessorConfig, repositoryName, timmConfig } from "./pretrained.js";
import { ablationFile, eventFile, history, trialFile } from "./run-files.js";
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
  networkConfig,
  timmConfig,
  preprocessorConfig,
  repositoryName,
  zipArchive,
  tarArchive,
  compressedTar,
  checkpoint,
  history,
  trialFile,
  ablationFile,
  eventFile,
  idx,
  compressedIdx,
  cifar10,
  cifar100,
  stlImages,
  stlLabels,
  mat,
  compressedMat,
  imageEnds,
  classNames,
  columnList,
  parquetImages,
  parquetEmbeddings,
  numpyEmbeddings,
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
