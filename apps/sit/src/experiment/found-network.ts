import type { Settings } from "../settings/settings.js";
import type { CheckpointSettings } from "./checkpoint.js";
import type { JudgedNetwork } from "./judged-network.js";
import type { NetworkOrigin } from "./network-origin.js";
import type { LoadedBackbone } from "./trained.js";

/** A trained network, looked at: its tensors are unread. */
export interface FoundNetwork {
  /** As it was named. */
  readonly named: string;
  readonly origin: NetworkOrigin;
  readonly saved: Pick<
    CheckpointSettings,
    "kind" | "settings" | "statistics" | "customParts" | "config" | "classes"
  > & {
    /** Of a classifier: whether an image may show several classes. */
    readonly multiLabel: boolean;
  };
  /** The backbone, for images of the settings' size. The engine must have been started. */
  load(settings: Settings): Promise<LoadedBackbone>;
  /** The network as it is judged, with its classifier. The engine must have been started. */
  loadJudged(settings: Settings): Promise<JudgedNetwork>;
}
