import { type Params, withoutPrefix } from "@sitjs/core";
import { averageOf, CLASSIFIER_PREFIXES } from "@sitjs/eval";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import type { Settings } from "../settings/settings.js";
import type { FoundCheckpoint } from "./checkpoint.js";
import { loadTrained } from "./trained.js";

/** A run's network as it is judged, for use elsewhere. */
export interface JudgedNetwork {
  /** The backbone's parameters. */
  readonly backbone: Params;
  /** Of a fine-tuned run. */
  readonly classifier?: {
    readonly kind: Settings["classifier"];
    readonly input: Settings["pool"];
    readonly classes: readonly string[];
    readonly params: Params;
  };
  dispose(): void;
}

/**
 * Reads a pretrained run's backbone by `settings`, or a fine-tuned run's classifier: the average of the parameters where
 * one was kept. The engine must have been started.
 */
export async function loadJudged(found: FoundCheckpoint, settings: Settings): Promise<JudgedNetwork> {
  const { saved, named, onDamaged } = found;
  if (saved.kind === "pretrain") return await loadTrained(found, settings);
  const { state } = await loadCheckpoint(named, { onDamaged });
  const params = averageOf(state) ?? state.student;
  return {
    backbone: withoutPrefix(CLASSIFIER_PREFIXES.backbone, params),
    classifier: {
      kind: saved.settings.classifier,
      input: saved.settings.pool,
      classes: saved.classes ?? [],
      params: withoutPrefix(CLASSIFIER_PREFIXES.head, params),
    },
    dispose: () => disposeState(state),
  };
}
