export {
  type AnnotatedImagesDataset,
  type AnnotatedImagesOptions,
  annotatedImages,
} from "./annotated-images.js";
export type { BadImage, BadImages } from "./batch-task.js";
export { type Batch, type Batches, type BatchView, batches } from "./batches.js";
export type { BatchesOptions } from "./batches-options.js";
export {
  type DatasetProgress,
  type DownloadDatasetOptions,
  type DownloadedDataset,
  datasetFolder,
  downloadDataset,
} from "./catalogue/download.js";
export type {
  CatalogueEntry,
  CatalogueFile,
  CataloguePart,
  OpenPartOptions,
  OwnSourceOptions,
  OwnSources,
  SourcedDataset,
} from "./catalogue/entry.js";
export { catalogue, catalogueEntry } from "./catalogue/index.js";
export { type DatasetState, datasetState, downloadedDataset } from "./catalogue/record.js";
export type { Cifar10Split } from "./cifar-10/files.js";
export {
  type Cifar10Dataset,
  type Cifar10Options,
  type Cifar10Origin,
  type Cifar10Source,
  cifar10,
} from "./cifar-10/index.js";
export { type ImageDataset, type MemoryDatasetOptions, memoryDataset } from "./dataset.js";
export type { FashionMnistSplit } from "./fashion-mnist/files.js";
export {
  type FashionMnistDataset,
  type FashionMnistOptions,
  type FashionMnistOrigin,
  type FashionMnistSource,
  fashionMnist,
} from "./fashion-mnist/index.js";
export { datasetFingerprint } from "./fingerprint.js";
export type { FolderProblem, OtherFiles } from "./folder-scan.js";
export * from "./formats/annotations/index.js";
export {
  type CifarArrays,
  type CifarDatasetOptions,
  type CifarKind,
  cifarDataset,
  formatCifar,
  parseCifar,
} from "./formats/cifar.js";
export type { ClassNames } from "./formats/class-names.js";
export { parseStlImages, parseStlLabels, type StlDatasetOptions, stlDataset } from "./formats/stl.js";
export { formatIdx, type IdxArray, parseIdx } from "./idx.js";
export { type IdxDatasetOptions, idxDataset } from "./idx-dataset.js";
export { ImageError, type ImageProblemKind } from "./image-error.js";
export {
  type ImageFolderDataset,
  type ImageFolderOptions,
  imageExtensions,
  imageFolder,
} from "./image-folder.js";
export { type ParquetDataset, type ParquetDatasetOptions, parquetDataset } from "./parquet/dataset.js";
export { findParquet, type ParquetSplits } from "./parquet/files.js";
export { openParquet } from "./parquet/open.js";
export type { Table as ParquetTable } from "./parquet/table.js";
export { type ProblemSummary, summarizeProblems } from "./problems.js";
export type { ReadableFilesOptions } from "./readable-files.js";
export { sampleFile } from "./sample-name.js";
export { type SharedImage, sharedImages } from "./shared-images.js";
export type { Download, SourceOptions } from "./sources/first-answer.js";
export type { Channels, EncodedStorage, FileStorage, ImageStorage, MemoryStorage } from "./storage.js";
export { type BalancedSubsetOptions, balancedSubset, type SplitOptions, split, subset } from "./subset.js";
export { notCounted } from "./targets.js";
