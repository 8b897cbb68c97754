/** The sets of views that methods compare with each other; masking alone takes one, `trainView`. */
import { requireOption } from "@sitjs/core/errors";
import type { Size } from "./image.js";
import type { Range } from "./spec-types.js";
import {
  type ContrastiveViewOptions,
  contrastiveView,
  type Jitter,
  standardJitter,
  type ViewOptions,
  type ViewSpec,
} from "./views.js";

/** SimCLR's distortion of colours at its full strength (Chen et al. 2020, appendix A). */
const STRONG_JITTER: Jitter = { brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2, probability: 0.8 };
/** The same at strength 0.5, its setting for CIFAR (Chen et al. 2020, B.9). */
const SMALL_JITTER: Jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8 };

/** What all sets of views share. */
export interface ContrastiveViewsOptions extends ViewOptions {
  /**
   * "standard": the paper's settings. "small", for pictures of about 32 pixels: no blur, and SimCLR's colour jitter at
   * strength 0.5; give the data set's own `mean` and `deviation`. "standard" unless told.
   */
  preset?: "standard" | "small";
  /** Probability of a mirror image; 0.5. */
  flip?: number;
  /** Amounts and probability of colour jitter; (0.4, 0.4, 0.2, 0.1) with 0.8, small (0.4, 0.4, 0.4, 0.1). */
  jitter?: Jitter;
  /** Probability of losing the colour; 0.2. */
  grayscale?: number;
  /** Standard deviation of the blur, pixels; [0.1, 2]. */
  sigma?: Range;
}

export interface SitViewsOptions extends ContrastiveViewsOptions {
  /** Share of the area a crop keeps; [0.2, 1]. */
  scale?: Range;
  /** Probability of blur in view 1 and view 2; [1, 0.1], small [0, 0]. */
  blur?: readonly [number, number];
  /** Probability of solarising in view 1 and view 2; [0, 0.2]. */
  solarize?: readonly [number, number];
}

/**
 * The two views of SiT, "view1" and "view2"; with `scale: [0.08, 1]` those of MoCo v3. Throws `SitError("bad-option")`
 * naming the option. Source: Atito, Awais, Kittler, "SiT: Self-supervised vision Transformer", 2021.
 */
export function sitViews(options: SitViewsOptions): [ViewSpec, ViewSpec] {
  const { preset, blur, solarize = [0, 0.2], ...shared } = options;
  const small = isSmall("sitViews", preset);
  const blurred = blur ?? (small ? [0, 0] : [1, 0.1]);
  requireEach("sitViews.blur", blurred);
  requireEach("sitViews.solarize", solarize);
  const jitter = options.jitter ?? (small ? SMALL_JITTER : standardJitter);
  const view = (name: string, index: 0 | 1) =>
    contrastiveView({ ...shared, name, jitter, blur: blurred[index], solarize: solarize[index] });
  return [view("view1", 0), view("view2", 1)];
}

export interface SimclrViewsOptions extends ContrastiveViewsOptions {
  /** Share of the area a crop keeps; [0.08, 1]. */
  scale?: Range;
  /** Amounts and probability of colour jitter; (0.8, 0.8, 0.8, 0.2) with 0.8, small (0.4, 0.4, 0.4, 0.1). */
  jitter?: Jitter;
  /** Probability of blur; 0.5, small 0. */
  blur?: number;
}

/**
 * The two views of SimCLR, "view1" and "view2", which are made alike; its colour jitter at strength 1, as for ImageNet.
 * Throws `SitError("bad-option")` naming the option. Source: Chen, Kornblith, Norouzi, Hinton, "A simple framework for
 * contrastive learning of visual representations", 2020, appendix A; B.9 for "small".
 */
export function simclrViews(options: SimclrViewsOptions): [ViewSpec, ViewSpec] {
  const { preset, scale = [0.08, 1], ...shared } = options;
  const small = isSmall("simclrViews", preset);
  const { jitter = small ? SMALL_JITTER : STRONG_JITTER, blur = small ? 0 : 0.5 } = options;
  const view = (name: string) => contrastiveView({ ...shared, name, scale, jitter, blur });
  return [view("view1"), view("view2")];
}

export interface DinoViewsOptions extends ContrastiveViewsOptions {
  /** Sides of a small crop, pixels; a multiple of the patch. DINO has 96 beside 224. */
  localSize: Size;
  /** How many small crops; 8. */
  localCrops?: number;
  /** Share of the area a large crop keeps; [0.4, 1]. */
  globalScale?: Range;
  /** Share of the area a small crop keeps; [0.05, 0.4]. */
  localScale?: Range;
  /** Probability of blur in the first large crop, in the second, and in a small one; [1, 0.1, 0.5], small [0, 0, 0]. */
  blur?: readonly [number, number, number];
  /** Probability of solarising in both large crops; [0, 0.2]. */
  solarize?: readonly [number, number];
}

/**
 * The crops of DINO: two large ones, "global1" and "global2", then small ones, "local1", "local2", …. Throws
 * `SitError("bad-option")` naming the option. Source: Caron et al., "Emerging properties in self-supervised vision
 * transformers", 2021, and its code.
 */
export function dinoViews(options: DinoViewsOptions): ViewSpec[] {
  const { preset, localSize, localCrops = 8, blur, solarize = [0, 0.2], ...shared } = options;
  const { globalScale = [0.4, 1], localScale = [0.05, 0.4], ...rest } = shared;
  const small = isSmall("dinoViews", preset);
  requireOption(
    Number.isSafeInteger(localCrops) && localCrops >= 0,
    "dinoViews.localCrops",
    "a whole number, at least 0",
    localCrops,
  );
  requireOption(localSize !== undefined, "dinoViews.localSize", "the sides of a small crop", localSize);
  const blurred = blur ?? (small ? [0, 0, 0] : [1, 0.1, 0.5]);
  requireEach("dinoViews.blur", blurred, "a probability for both large crops and one for the small ones", 3);
  requireEach("dinoViews.solarize", solarize);
  const jitter = options.jitter ?? (small ? SMALL_JITTER : standardJitter);
  const crop = (own: Partial<ContrastiveViewOptions> & { name: string }) =>
    contrastiveView({ ...rest, jitter, ...own });
  return [
    crop({ name: "global1", scale: globalScale, blur: blurred[0], solarize: solarize[0] }),
    crop({ name: "global2", scale: globalScale, blur: blurred[1], solarize: solarize[1] }),
    ...Array.from({ length: localCrops }, (_, i) =>
      crop({ name: `local${i + 1}`, size: localSize, scale: localScale, blur: blurred[2] }),
    ),
  ];
}

function isSmall(of: string, preset: "standard" | "small" = "standard"): boolean {
  requireOption(preset === "standard" || preset === "small", `${of}.preset`, '"standard" or "small"', preset);
  return preset === "small";
}

function requireEach(
  option: string,
  probabilities: readonly number[],
  expected = "a probability for each of two views",
  count = 2,
): void {
  requireOption(probabilities.length === count, option, expected, probabilities);
}
