import { type MethodName, methodNames } from "../methods/names.js";
import { methodPlans, usesSetting } from "../methods/plans.js";
import type { Group } from "./definition.js";
import { definitions } from "./definitions.js";
import type { PresetName } from "./presets.js";
import type { ReadyDataName } from "./ready-data.js";
import type { Settings } from "./settings.js";

/** What `sit compare` compares: methods, and a network without pretraining. */
export type ComparedName = MethodName | "scratch";

export const comparedNames: readonly ComparedName[] = ["scratch", ...methodNames];

/** Compared unless told. */
export const usualComparison: readonly ComparedName[] = [
  "scratch",
  "simclr",
  "moco-v3",
  "dino",
  "mae",
  "simmim",
  "gmml",
  "sit",
];

export const comparedTitle = (name: ComparedName) =>
  name === "scratch" ? "From scratch" : methodPlans[name].title;

/** The preset of a comparison on each data set of small images, and on all others. */
export const comparisonPresets: Readonly<Record<ReadyDataName | "folder", PresetName>> = {
  "fashion-mnist": "compare",
  mnist: "compare",
  "cifar-10": "compare-color",
  "cifar-100": "compare-color",
  folder: "compare-color",
};

/** The method whose settings a compared name has: a network from scratch has SiT's. */
export const methodOfCompared = (name: ComparedName): MethodName => (name === "scratch" ? "sit" : name);

/** A network from scratch does not look at these. */
const ofPretraining: ReadonlySet<Group> = new Set<Group>(["heads", "corruption", "pretraining"]);

/** True where the setting decides what comes out of a trial. */
export function looksAt(compared: ComparedName, name: keyof Settings): boolean {
  if (compared === "scratch") return name !== "method" && !ofPretraining.has(definitions[name].group);
  return usesSetting(compared, name);
}
