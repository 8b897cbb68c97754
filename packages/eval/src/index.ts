export { CLASSIFIER_PREFIXES, type Classifier, classifier } from "./classifier.js";
export { embed, evaluate, type FeatureKind } from "./embed.js";
export {
  type FinetuneOptions,
  type FinetuneReport,
  type FinetuneSettings,
  finetune,
  supervised,
} from "./finetune.js";
export { type Interval, meanInterval } from "./interval.js";
export { type KnnResult, knn, type LabelledFeatures } from "./knn.js";
export { type LinearProbeOptions, type LinearProbeResult, linearProbe } from "./linear-probe.js";
export { accuracy, meanAndDeviation, predictions } from "./metrics.js";
