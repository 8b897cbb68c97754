import type { ChannelStatistics, ViewSpec } from "@sitjs/augment";
import type { Method } from "@sitjs/train";
import type { MethodContext, Parts } from "../config.js";
import type { Settings } from "../settings/settings.js";

/** What a method is made from: the settings, and the parts that a config file has put in. */
export interface MakingContext extends MethodContext {
  readonly parts: Parts;
}

/** How the app puts a method together. */
export interface MethodMaker {
  make(context: MakingContext): Method;
  /** As many views as the method wants, in its order. */
  views(settings: Settings, statistics: ChannelStatistics): readonly ViewSpec[];
}
