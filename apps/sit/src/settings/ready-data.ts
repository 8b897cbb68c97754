import type { PresetName } from "./presets.js";

/** Data sets of small images, and the preset of each; all others of the catalogue begin as a folder of images does. */
export const readyData = {
  "fashion-mnist": "demo",
  mnist: "demo",
  "cifar-10": "demo-color",
  "cifar-100": "demo-color",
} as const satisfies Readonly<Record<string, PresetName>>;

export type ReadyDataName = keyof typeof readyData;

/** The data set where none is named. */
export const defaultData: ReadyDataName = "fashion-mnist";

const names = Object.keys(readyData) as ReadyDataName[];

/** What can be named instead of a folder, for messages and help. */
export const readyNames = "or a name of sit data list";

/** For help: "demo for fashion-mnist and mnist, demo-color for cifar-10 and cifar-100". */
export const readyPresets = [...new Set(Object.values(readyData))]
  .map((preset) => `${preset} for ${names.filter((name) => readyData[name] === preset).join(" and ")}`)
  .join(", ");

/** True where a source is the name of a data set with a preset of its own. */
export function isReady(source: string): source is ReadyDataName {
  return Object.hasOwn(readyData, source);
}
