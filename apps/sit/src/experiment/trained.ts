import { type Params, SitError, withoutPrefix } from "@sitjs/core";
import { disposeState, type TrainState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import { resizePositions } from "@sitjs/vit";
import type { Parts } from "../config.js";
import type { Settings } from "../settings/settings.js";
import type { FoundCheckpoint } from "./checkpoint.js";
import { customParts } from "./session.js";

/** The backbone's names among a method's and a classifier's parameters. */
export const BACKBONE_PREFIX = "backbone.";

/** A backbone's parameters, read. */
export interface LoadedBackbone {
  readonly backbone: Params;
  dispose(): void;
}

/** Parameters of a checkpoint, read; the backbone is that of the network that the settings name. */
export interface TrainedParams extends LoadedBackbone {
  /** Everything: backbone and heads of the student. */
  readonly student: Params;
}

/** Which of the two networks is used; a teacher that is not there is the student. */
export function chosenBackbone(state: TrainState, weights: Settings["weights"]): Params {
  const chosen = weights === "teacher" ? (state.teacher ?? state.student) : state.student;
  return withoutPrefix(BACKBONE_PREFIX, chosen);
}

/**
 * Reads a checkpoint's tensors; the engine must have been started. Where the settings are for images of another size,
 * learned positions of the backbone are interpolated.
 */
export async function loadTrained(found: FoundCheckpoint, settings: Settings): Promise<TrainedParams> {
  const { named, onDamaged } = found;
  const { state } = await loadCheckpoint(named, { onDamaged });
  const chosen = chosenBackbone(state, settings.weights);
  const { backbone, dispose } = forImagesOf(settings, found.saved.settings, {
    backbone: chosen,
    dispose: () => disposeState(state),
  });
  return { student: state.student, backbone, dispose };
}

/** The backbone with its learned positions interpolated, where images have another size now. Takes the given one over. */
export function forImagesOf(
  { imageSize }: Settings,
  before: Pick<Settings, "imageSize" | "patchSize">,
  loaded: LoadedBackbone,
): LoadedBackbone {
  if (imageSize === before.imageSize) return loaded;
  const { patchSize } = before;
  const backbone = resizePositions(loaded.backbone, {
    from: before.imageSize / patchSize,
    to: imageSize / patchSize,
  });
  return {
    backbone,
    dispose() {
      if (backbone.pos_embed !== loaded.backbone.pos_embed) backbone.pos_embed?.dispose();
      loaded.dispose();
    },
  };
}

/**
 * Throws unless the parts that a checkpoint was made with are here again.
 * @param needed the parts that this command uses
 */
export function requireParts(
  found: { readonly saved: Pick<FoundCheckpoint["saved"], "customParts"> },
  parts: Parts,
  needed: readonly (keyof Parts)[],
): void {
  const given = customParts(parts);
  const lacking = needed.find((name) => found.saved.customParts.includes(name) && !given.includes(name));
  if (lacking === undefined) return;
  throw new SitError(
    "bad-option",
    `--config: expected the config file whose ${lacking} the checkpoint was made with, got none with that part`,
  );
}
