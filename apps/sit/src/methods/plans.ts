import type { Settings } from "../settings/settings.js";
import type { MethodName } from "./names.js";

/** What is known of a method without loading it: its settings, and which it looks at. */
export interface MethodPlan {
  /** As its paper writes it. */
  readonly title: string;
  /** What it learns by, in a few words. */
  readonly summary: string;
  /** Settings that not every method uses. */
  readonly uses: readonly (keyof Settings)[];
  /** Parts of a config file that it takes, beside `backbone` and `views`. */
  readonly parts: readonly ("corruption" | "reconstruction" | "contrast")[];
  /** What is other than in a preset of the paper's size, and in a small one (`presetKinds`). */
  readonly paper: Partial<Settings>;
  readonly small: Partial<Settings>;
}

const corruption = [
  "corruption",
  "corruptionRatio",
  "replaceRatio",
  "minimumRatio",
  "blockMinimum",
  "blockMaximum",
  "alignment",
] as const;
const reconstruction = ["headVariant", "reconstructionHidden", "reconstruction"] as const;
const projection = ["projectionHidden", "projectionOutput"] as const;
const distorted = ["views", "solarize"] as const;

// Values of the papers: `learningRate` is for a batch of 256 everywhere, so SimMIM's, for 512, is halved. Epochs, batch and
// fine-tuning are the preset's: they belong to the images. In small presets all methods have the same backbone.
// MAE's, SimMIM's and MoCo v3's recipes have one weight decay throughout.

/** Of tasks that were published for convolutional networks: on a vision transformer they have SiT's. */
const ofSit = {} as const satisfies Partial<Settings>;

export const methodPlans: Readonly<Record<MethodName, MethodPlan>> = {
  sit: {
    title: "SiT",
    summary: "repairs corrupted views, and matches them with a momentum teacher's clean ones",
    uses: [
      ...corruption,
      ...reconstruction,
      ...projection,
      "contrast",
      "alpha",
      "temperature",
      ...distorted,
      "momentum",
    ],
    parts: ["corruption", "reconstruction", "contrast"],
    paper: {},
    small: {},
  },
  gmml: {
    title: "GMML",
    summary: "repairs corrupted views, SiT without contrast",
    uses: [...corruption, ...reconstruction, ...distorted],
    parts: ["corruption", "reconstruction"],
    paper: {},
    small: {},
  },
  "gmml-rotation": {
    title: "GMML with rotation",
    summary: "repairs corrupted images, and tells how they were turned",
    uses: [...corruption, ...reconstruction, "alpha"],
    parts: ["corruption", "reconstruction"],
    paper: {},
    small: {},
  },
  mae: {
    title: "MAE",
    summary: "sees a quarter of the patches, and draws the others",
    uses: ["maskRatio", "decoderWidth", "decoderDepth", "decoderHeads", "pixelNormalization"],
    parts: [],
    paper: {
      positions: "sincos",
      initialization: "mae",
      dropPath: 0,
      learningRate: 1.5e-4,
      finalLearningRate: 0,
      warmupEpochs: 40,
      weightDecay: 0.05,
      finalWeightDecay: 0.05,
      beta2: 0.95,
      clip: 0,
    },
    small: { learningRate: 4e-3, weightDecay: 0.05, finalWeightDecay: 0.05, beta2: 0.95, clip: 0 },
  },
  simmim: {
    title: "SimMIM",
    summary: "has patches replaced by a token, and predicts their pixels",
    uses: ["maskRatio", "maskUnit"],
    parts: [],
    paper: {
      positions: "relative",
      layerScale: 0.1,
      maskRatio: 0.6,
      cropScale: 0.67,
      learningRate: 0.5e-4,
      warmupEpochs: 10,
      weightDecay: 0.05,
      finalWeightDecay: 0.05,
      clip: 5,
    },
    small: {
      maskRatio: 0.6,
      cropScale: 0.67,
      learningRate: 4e-3,
      weightDecay: 0.05,
      finalWeightDecay: 0.05,
      clip: 5,
    },
  },
  "moco-v3": {
    title: "MoCo v3",
    summary: "matches each view with a momentum teacher's other view, among the batch",
    uses: [...projection, "temperature", "patchEmbedding", ...distorted, "momentum"],
    parts: [],
    paper: {
      heads: 12,
      positions: "sincos-moco",
      initialization: "moco-v3",
      patchEmbedding: "frozen",
      dropPath: 0,
      cropScale: 0.08,
      learningRate: 1.5e-4,
      finalLearningRate: 0,
      warmupEpochs: 40,
      weightDecay: 0.1,
      finalWeightDecay: 0.1,
      momentum: 0.99,
      clip: 0,
    },
    small: {
      projectionHidden: 256,
      projectionOutput: 64,
      learningRate: 4e-3,
      weightDecay: 0.1,
      finalWeightDecay: 0.1,
    },
  },
  dino: {
    title: "DINO",
    summary: "agrees with a momentum teacher over crops of an image, large and small",
    uses: [
      ...projection,
      "prototypes",
      "teacherTemperature",
      "finalTeacherTemperature",
      "teacherWarmupEpochs",
      "frozenEpochs",
      ...distorted,
      "localCrops",
      "localSize",
      "localCropScale",
      "momentum",
    ],
    parts: [],
    paper: {
      projectionHidden: 2048,
      projectionOutput: 256,
      cropScale: 0.4,
      learningRate: 5e-4,
      finalLearningRate: 1e-6,
      warmupEpochs: 10,
      weightDecay: 0.04,
      finalWeightDecay: 0.4,
      momentum: 0.996,
      clip: 3,
    },
    small: {
      projectionHidden: 256,
      projectionOutput: 64,
      cropScale: 0.4,
      learningRate: 4e-3,
      finalWeightDecay: 0.4,
    },
  },
  simclr: {
    title: "SimCLR",
    summary: "matches both views of an image, among all views of the batch",
    uses: [...projection, "temperature", "views"],
    parts: [],
    paper: {
      projectionOutput: 128,
      dropPath: 0,
      cropScale: 0.08,
      learningRate: 1.5e-4,
      finalLearningRate: 0,
      warmupEpochs: 40,
      weightDecay: 0.1,
      finalWeightDecay: 0.1,
      clip: 0,
    },
    small: {
      projectionHidden: 256,
      projectionOutput: 64,
      learningRate: 4e-3,
      weightDecay: 0.1,
      finalWeightDecay: 0.1,
    },
  },
  rotation: {
    title: "Rotation prediction",
    summary: "tells by how many quarters an image was turned",
    uses: [],
    parts: [],
    paper: ofSit,
    small: ofSit,
  },
  "relative-position": {
    title: "Relative positions",
    summary: "tells on which side of a tile another lies",
    uses: ["projectionHidden"],
    parts: [],
    paper: { projectionHidden: 1024 },
    small: { projectionHidden: 256 },
  },
  jigsaw: {
    title: "Jigsaw puzzles",
    summary: "tells in which of several orders an image's tiles were put",
    uses: ["projectionHidden", "tileRows", "permutations"],
    parts: [],
    paper: { projectionHidden: 1024 },
    small: { projectionHidden: 256 },
  },
  colorization: {
    title: "Colourisation",
    summary: "gives grey images their colours",
    uses: ["headVariant", "reconstructionHidden"],
    parts: [],
    paper: ofSit,
    small: ofSit,
  },
  "context-encoder": {
    title: "Context encoder",
    summary: "paints the middle of an image that was cut out",
    uses: ["headVariant", "reconstructionHidden"],
    parts: [],
    paper: ofSit,
    small: ofSit,
  },
  "deep-cluster": {
    title: "DeepCluster",
    summary: "learns to tell apart the clusters of its own features",
    uses: ["clusters"],
    parts: [],
    paper: ofSit,
    small: ofSit,
  },
  "deep-infomax": {
    title: "Deep InfoMax",
    summary: "tells which patches, and which mean of them, belong to an image's token",
    uses: [...projection, "alpha", "localWeight"],
    parts: [],
    paper: { alpha: 0.5, localWeight: 1, projectionHidden: 2048, projectionOutput: 2048 },
    small: { alpha: 0.5, localWeight: 1, projectionHidden: 256, cropScale: 0.67 },
  },
  relational: {
    title: "Relational reasoning",
    summary: "tells pairs of views of one image from pairs of two",
    uses: ["projectionHidden", "views", "relationViews"],
    parts: [],
    paper: { projectionHidden: 256 },
    small: { projectionHidden: 256 },
  },
};

const ofSomeMethods: ReadonlySet<keyof Settings> = new Set(
  Object.values(methodPlans).flatMap(({ uses }) => uses),
);

/** True where the method looks at the setting. */
export function usesSetting(method: MethodName, name: keyof Settings): boolean {
  return !ofSomeMethods.has(name) || methodPlans[method].uses.includes(name);
}

/** The methods that look at a setting; undefined where all do. */
export function methodsUsing(name: keyof Settings): MethodName[] | undefined {
  if (!ofSomeMethods.has(name)) return undefined;
  return (Object.keys(methodPlans) as MethodName[]).filter((method) => usesSetting(method, name));
}

/** True where some method has another value than its preset. */
export function differsByMethod(name: keyof Settings): boolean {
  return Object.values(methodPlans).some(({ paper, small }) => name in paper || name in small);
}
