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

/** Parameters of a checkpoint, read. */
export interface TrainedParams {
  /** Everything: backbone and heads of the student. */
  readonly student: Params;
  /** The backbone's own, of the network that the settings name. */
  readonly backbone: Params;
  dispose(): void;
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
  const { imageSize, patchSize } = found.saved.settings;
  if (imageSize === settings.imageSize) {
    return { student: state.student, backbone: chosen, dispose: () => disposeState(state) };
  }
  const resized = resizePositions(chosen, {
    from: imageSize / patchSize,
    to: settings.imageSize / patchSize,
  });
  return {
    student: state.student,
    backbone: resized,
    dispose() {
      if (resized.pos_embed !== chosen.pos_embed) resized.pos_embed?.dispose();
      disposeState(state);
    },
  };
}

/**
 * Throws unless the parts that a checkpoint was made with are here again.
 * @param needed the parts that this command uses
 */
export function requireParts(found: FoundCheckpoint, parts: Parts, needed: readonly (keyof Parts)[]): void {
  const given = customParts(parts);
  const lacking = needed.find((name) => found.saved.customParts.includes(name) && !given.includes(name));
  if (lacking === undefined) return;
  throw new SitError(
    "bad-option",
    `--config: expected the config file whose ${lacking} the checkpoint was made with, got none with that part`,
  );
}
