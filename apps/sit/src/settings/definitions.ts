import type { Definition, Group } from "./definition.js";
import type { Settings } from "./settings.js";
import { judgingDefinitions } from "./tables/judging.js";
import { modelDefinitions } from "./tables/model.js";
import { pretrainingDefinitions } from "./tables/pretraining.js";
import { runningDefinitions } from "./tables/running.js";
import { watchingDefinitions } from "./tables/watching.js";

/** Kind and meaning of every setting: options, help, checks and presets all come from here. */
export const definitions: { readonly [Name in keyof Settings]: Definition } = {
  ...modelDefinitions,
  ...pretrainingDefinitions,
  ...runningDefinitions,
  ...judgingDefinitions,
  ...watchingDefinitions,
};

/** Those that decide how a run is saved, watched and what it puts up with, and change nothing of its result. */
const harmlessGroups: ReadonlySet<Group> = new Set<Group>(["saving", "watching", "faults", "test faults"]);

/** True for a setting that a run may go on with changed. */
export function isHarmless(name: keyof Settings): boolean {
  return harmlessGroups.has(definitions[name].group);
}

export const settingNames = Object.keys(definitions) as (keyof Settings)[];
