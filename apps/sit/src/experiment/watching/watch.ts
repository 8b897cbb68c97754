import { type Backbone, SitError } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { collapseMeasures, embed, knn, type LabelledFeatures } from "@sitjs/eval";
import type { TrainState } from "@sitjs/train";
import type { StepRecord } from "../learning-curve.js";
import type { LoaderContext } from "../loaders.js";
import type { Reporter } from "../reporter.js";
import { chosenBackbone } from "../trained.js";
import { collapseWarning } from "./collapse-warning.js";
import { isLookDue, type WatchPlan } from "./plan.js";
import type { WatchRecord } from "./record.js";
import { type WatchSample, watchSample } from "./sample.js";

/** Looks at a network while it learns. */
export interface RunWatch {
  /** A step that is done. */
  add(record: StepRecord): void;
  /**
   * The state after some steps, borrowed: looked at where it is time. Changes nothing of it, draws from no stream of the
   * run, and leaves no tensor.
   *
   * @returns undefined where it is not time, or the run is being stopped
   */
  look(state: TrainState): Promise<WatchRecord | undefined>;
  records(): readonly WatchRecord[];
}

export function runWatch(of: {
  readonly plan: WatchPlan;
  readonly backbone: Backbone;
  readonly dataset: ImageDataset;
  readonly context: LoaderContext;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly report: Reporter;
  readonly signal?: AbortSignal | undefined;
  /** Looks of the parts of the run before this one. */
  readonly earlier?: readonly WatchRecord[];
}): RunWatch {
  const { plan, backbone, dataset, context, stepsPerEpoch, report, signal, earlier = [] } = of;
  const records = [...earlier];
  const norms = gradientNorms();
  const warn = collapseWarning(report, earlier);
  let sample: WatchSample | undefined;

  const embeddings = async (state: TrainState) => {
    const params = chosenBackbone(state, context.settings.weights);
    const onBatch = () => signal?.throwIfAborted();
    sample ??= watchSample(dataset, plan, context);
    const bank = await embed(backbone, params, sample.bank, { onBatch });
    const queries = sample.queries && (await embed(backbone, params, sample.queries, { onBatch }));
    return { bank, queries };
  };
  const measure = async (state: TrainState): Promise<WatchRecord | undefined> => {
    const started = performance.now();
    const { bank, queries } = await embeddings(state);
    // Where no image of the sample can be read there is nothing to look at.
    if (bank.labels.length === 0) return undefined;
    const features = queries === undefined ? bank.features : joined(bank.features, queries.features);
    const measures = await collapseMeasures({ features, size: bank.size });
    const top1 = queries && (await nearest(bank, queries));
    return {
      step: state.step,
      epoch: state.step / stepsPerEpoch,
      images: features.length / bank.size,
      ...(top1 !== undefined && { knn: top1 }),
      ...measures,
      ...norms.taken(),
      seconds: (performance.now() - started) / 1000,
    };
  };
  const nearest = async (bank: LabelledFeatures, queries: LabelledFeatures) => {
    if (queries.labels.length === 0) return undefined;
    const { top1 } = await knn(bank, queries, {
      k: context.settings.neighbours,
      classes: dataset.classes?.length,
    });
    return top1;
  };
  return {
    add: norms.add,
    records: () => records,
    async look(state) {
      if (!isLookDue(plan, state.step, of) || records.some(({ step }) => step === state.step))
        return undefined;
      try {
        const record = await measure(state);
        if (record === undefined) return undefined;
        records.push(record);
        warn(record);
        return record;
      } catch (error) {
        // The loop sees the signal too, and saves the run before it ends.
        if (signal?.aborted) return undefined;
        if (!SitError.isInstance(error) || error.code !== "not-finite") throw error;
        const text = `after ${state.step} steps the embeddings of some images are not finite, so they say nothing`;
        report({ event: "warning", text });
        return undefined;
      }
    },
  };
}

/** Mean and largest gradient norm of the steps since they were last taken. */
function gradientNorms() {
  let norms: number[] = [];
  return {
    add({ gradientNorm }: StepRecord) {
      if (Number.isFinite(gradientNorm)) norms.push(gradientNorm);
    },
    taken(): Pick<WatchRecord, "gradientNorm"> {
      if (norms.length === 0) return {};
      const mean = norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
      const largest = norms.reduce((a, b) => Math.max(a, b));
      norms = [];
      return { gradientNorm: { mean, largest } };
    },
  };
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const all = new Float32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
