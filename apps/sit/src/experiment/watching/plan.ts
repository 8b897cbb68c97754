import type { Settings } from "../../settings/settings.js";

/** When the embeddings are looked at, and how many. */
export interface WatchPlan {
  /** Epochs between looks; the first is before the first step, the last at the end. Infinity: at the end only. */
  readonly everyEpochs: number;
  /** Images of each look. */
  readonly images: number;
  /** Of these the ones that ask their neighbours; 0 where there are no labels. */
  readonly queries: number;
  /** Share of the run's work that the looks take, about. */
  readonly share: number;
}

/** Fewer images than this say little: rather are there fewer looks. */
const LEAST_IMAGES = 500;
/** Of the images those that ask; the others are the bank. */
const QUERY_SHARE = 0.2;

/**
 * As many looks, of as many images, as the settings ask for and their share of the run's work allows.
 *
 * Work is counted in images through the backbone once forward, so that a run always has the same looks, however fast
 * the machine is.
 *
 * @param work of the whole pretraining
 * @returns undefined for none: not wanted, or too short a run for a single look
 */
export function watchPlan(of: {
  readonly settings: Pick<Settings, "watchEvery" | "watchImages" | "watchShare">;
  readonly images: number;
  readonly labelled: boolean;
  readonly epochs: number;
  readonly work: number;
}): WatchPlan | undefined {
  const { settings, images, labelled, epochs, work } = of;
  const { watchEvery, watchImages, watchShare } = settings;
  if (watchEvery === 0) return undefined;
  const wanted = Math.min(watchImages, images);
  const least = Math.min(LEAST_IMAGES, wanted);
  const budget = watchShare < 1 ? watchShare * work : Number.POSITIVE_INFINITY;
  const affordable = Math.floor(budget / least);
  if (affordable < 1) return undefined;
  const everyEpochs =
    affordable === 1
      ? Number.POSITIVE_INFINITY
      : Math.max(watchEvery, Math.ceil(epochs / Math.max(1, affordable - 1)));
  const looks = Number.isFinite(everyEpochs) ? Math.ceil(epochs / everyEpochs) + 1 : 1;
  const taken = Math.max(least, Math.min(wanted, Math.floor(budget / looks)));
  return {
    everyEpochs,
    images: taken,
    queries: labelled ? Math.max(1, Math.floor(QUERY_SHARE * taken)) : 0,
    share: (looks * taken) / work,
  };
}

/** Whether there is a look after `step` steps. */
export function isLookDue(
  { everyEpochs }: Pick<WatchPlan, "everyEpochs">,
  step: number,
  { totalSteps, stepsPerEpoch }: { readonly totalSteps: number; readonly stepsPerEpoch: number },
): boolean {
  if (step === totalSteps) return true;
  return Number.isFinite(everyEpochs) && step % (everyEpochs * stepsPerEpoch) === 0;
}

/**
 * After how many steps reconstructions are drawn: `times` in the run, evenly spaced, at the ends of epochs.
 * @returns in order, each once; the end of the run is one of them
 */
export function pictureSteps(
  times: number,
  { totalSteps, stepsPerEpoch }: { readonly totalSteps: number; readonly stepsPerEpoch: number },
): number[] {
  const epochs = totalSteps / stepsPerEpoch;
  const steps = Array.from(
    { length: times },
    (_, i) => Math.ceil(((i + 1) * epochs) / times) * stepsPerEpoch,
  );
  return [...new Set(steps.map((step) => Math.min(step, totalSteps)))];
}
