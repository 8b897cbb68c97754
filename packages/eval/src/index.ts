export { type AugmentedProbeOptions, augmentedProbe } from "./augmented-probe.js";
export { averagePrecision, type MeanAveragePrecision, meanAveragePrecision } from "./average-precision.js";
export { CLASSIFIER_PREFIXES, type Classifier, classifier } from "./classifier.js";
export { type CollapseMeasures, collapseMeasures } from "./collapse.js";
export {
  type Evaluation,
  embed,
  evaluate,
  evaluateTargets,
  type FeatureKind,
  type FeatureOptions,
  imageFeatures,
  requireFiniteRows,
} from "./embed.js";
export {
  drawShots,
  type FewShotMethod,
  type FewShotOptions,
  type FewShotResult,
  fewShot,
  fewShotMethods,
} from "./few-shot.js";
export {
  averageOf,
  type FinetuneOptions,
  type FinetuneReport,
  type FinetuneSettings,
  finetune,
  supervised,
} from "./finetune.js";
export { type Interval, meanInterval } from "./interval.js";
export { type KnnResult, knn } from "./knn.js";
export type { LabelledFeatures } from "./labelled-features.js";
export { chooseLearningRate, type LearningRateChoice } from "./learning-rates.js";
export { type LinearProbeOptions, type LinearProbeResult, linearProbe } from "./linear-probe.js";
export { type LogisticRegressionOptions, logisticRegression } from "./logistic-regression.js";
export { accuracy, meanAndDeviation, predictions } from "./metrics.js";
export {
  type ClassAccuracy,
  type ConfusedPair,
  type ConfusionMatrix,
  classAccuracies,
  confusedPairs,
  confusionMatrix,
  type Mistake,
  softmax,
  voteShares,
  worstMistakes,
} from "./mistakes.js";
export {
  type MixBox,
  type MixDraw,
  type MixedBatch,
  type Mixing,
  type MixingOptions,
  mixing,
} from "./mixing.js";
export { nearestMean } from "./nearest-mean.js";
