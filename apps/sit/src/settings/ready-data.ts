import type { PresetName } from "./presets.js";

/** The data sets that are fetched by themselves where a folder of images could be named, and the preset of each. */
export const readyData = {
  "fashion-mnist": "demo",
  "cifar-10": "demo-color",
} as const satisfies Readonly<Record<string, PresetName>>;

export type ReadyDataName = keyof typeof readyData;

/** The data set where none is named. */
export const defaultData: ReadyDataName = "fashion-mnist";

const names = Object.keys(readyData) as ReadyDataName[];

/** For messages: "fashion-mnist or cifar-10". */
export const readyNames = names.join(" or ");

/** For help: "demo for fashion-mnist, demo-color for cifar-10". */
export const readyPresets = names.map((name) => `${readyData[name]} for ${name}`).join(", ");

/** True where a source is the name of such a data set, not a folder. */
export function isReady(source: string): source is ReadyDataName {
  return Object.hasOwn(readyData, source);
}
