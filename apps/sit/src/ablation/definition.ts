import type { Config } from "../config.js";
import type { Settings } from "../settings/settings.js";

/** What is run instead of the base, in one point. */
export interface AblationVariant {
  /** Short, and another one for each variant of its axis: "noise + replace". */
  readonly name: string;
  /** What is other than in the base; a function is told the base. Default: nothing, the base itself. */
  readonly settings?: Partial<Settings> | ((base: Readonly<Settings>) => Partial<Settings>);
  /** False: the network as it begins, whose classifiers learn from scratch. */
  readonly pretrained?: false;
}

/** One question, and what is compared to answer it. */
export interface AblationAxis {
  /** Short, for findings to name: "corruption". */
  readonly name: string;
  readonly title: string;
  /** What is asked, and how: shown with the results. */
  readonly question?: string;
  readonly variants: readonly AblationVariant[];
}

/** Something that is said to be so, and by which variants it is looked at. */
export interface AblationFinding {
  /** "Reconstruction alone beats contrast alone." */
  readonly claim: string;
  /** Who says so. */
  readonly source?: string;
  /** Variants as "axis/variant"; of several, the mean of each seed counts. */
  readonly better: readonly string[];
  readonly worse: readonly string[];
}

/**
 * What `sit ablate` runs: a base, and along each axis variants of it, each with every seed. Variants that come to the
 * same settings are run once. `settings`, `preset` and `data` say the base, as in a config file; `parts` are those of all.
 */
export interface Ablation extends Omit<Config, "seed"> {
  readonly title: string;
  /** Default 0, 1 and 2. */
  readonly seeds?: readonly number[];
  /** Labelled images of each class that classifiers are trained on; default 10. */
  readonly labelsPerClass?: readonly number[];
  /** Labelled images that k-NN and the linear probe learn from, the same for all variants; default 10,000. */
  readonly bankImages?: number;
  readonly axes: readonly AblationAxis[];
  readonly findings?: readonly AblationFinding[];
}

/** Gives an ablation's file its types: `export default defineAblation({ … })`. */
export function defineAblation(ablation: Ablation): Ablation {
  return ablation;
}
