import { pretrainPlan, type TrainState } from "@sitjs/train";
import { pretrainingCost } from "../costs.js";
import type { StepRecord } from "../learning-curve.js";
import { reconstructionPictures } from "../pictures.js";
import { runPlan } from "../plan.js";
import { pretrainOptions } from "../pretrain-options.js";
import type { PretrainingOptions } from "../training-options.js";
import { pictureSteps, watchPlan } from "./plan.js";
import type { WatchRecord } from "./record.js";
import { runWatch } from "./watch.js";

/** Watches a pretraining: tells its plan, looks at its embeddings, draws its reconstructions. */
export interface Observer {
  /** After a step; the state is borrowed. */
  step(record: StepRecord, state: TrainState): Promise<void>;
  /** The state with which a run begins or goes on, borrowed. */
  at(state: TrainState): Promise<void>;
  looks(): readonly WatchRecord[];
  /** That watching has taken so far. */
  seconds(): number;
}

/** So many images are drawn. */
const PICTURES = 6;

/** @returns undefined where the run is not watched; else its plan has been told */
export function observer(
  options: PretrainingOptions & { readonly totalSteps: number; readonly state: TrainState },
): Observer | undefined {
  const { watched, totalSteps, state: first, method, loader, report, signal } = options;
  if (watched === undefined) return undefined;
  const { dataset, context, parts } = watched;
  const { settings } = context;
  const { stepsPerEpoch } = loader;
  const length = { totalSteps, stepsPerEpoch };
  const epochs = totalSteps / stepsPerEpoch;
  const plan = watchPlan({
    settings,
    images: dataset.length,
    labelled: dataset.labels !== undefined,
    epochs,
    work: (pretrainingCost(dataset, context, parts) * epochs) / settings.epochs,
  });
  report({
    event: "plan",
    ...runPlan({
      method,
      loader,
      plan: pretrainPlan(method, loader, pretrainOptions(method, settings, totalSteps)),
      settings,
      state: first,
      images: dataset.length,
      folder: options.folder,
      watching: plan ?? (settings.watchEvery === 0 ? "off" : "too short"),
    }),
  });
  const looking = { plan, backbone: method.backbone, dataset, context, ...length, report, signal };
  const watch = plan && runWatch({ ...looking, plan, earlier: options.earlierLooks });
  // Of a run that goes on, also what it did since its last look.
  const lastLook = options.earlierLooks?.at(-1)?.step ?? 0;
  for (const record of options.earlier ?? []) if (record.step >= lastLook) watch?.add(record);
  const drawn = new Set(options.onPictures === undefined ? [] : pictureSteps(settings.pictures, length));
  let spent = 0;

  const draw = async (state: TrainState) => {
    const { step, student } = state;
    const rows = await reconstructionPictures({
      method,
      params: student,
      dataset,
      part: "training",
      count: PICTURES,
      context,
    });
    if (rows !== undefined) await options.onPictures?.(step, step / stepsPerEpoch, rows);
  };
  const at = async (state: TrainState) => {
    const started = performance.now();
    const record = await watch?.look(state);
    if (record !== undefined) {
      report({ event: "watch", ...record });
      await options.onWatch?.(record);
    }
    if (drawn.has(state.step) && !signal?.aborted) await draw(state);
    spent += (performance.now() - started) / 1000;
  };
  return {
    async step(record, state) {
      watch?.add(record);
      await at(state);
    },
    at,
    looks: () => watch?.records() ?? [],
    seconds: () => spent,
  };
}
