import { createHash } from "node:crypto";
import { SitError } from "@sitjs/core/errors";
import type { Resolved } from "../command-line/resolve.js";
import type { DataRecord } from "../experiment/data-record.js";
import { checkSettings, requireUsed } from "../settings/check.js";
import { type ComparedName, looksAt } from "../settings/compared.js";
import type { Group } from "../settings/definition.js";
import { definitions, settingNames } from "../settings/definitions.js";
import { isAsBefore } from "../settings/later.js";
import type { Settings } from "../settings/settings.js";
import type { Ablation, AblationAxis, AblationVariant } from "./definition.js";

/** A variant with all that it is run with. */
export interface GridVariant {
  readonly name: string;
  /** `axis/variant`. */
  readonly path: string;
  readonly method: ComparedName;
  readonly settings: Settings;
  /** What is other than in the base. */
  readonly changed: Partial<Settings>;
  /** The same for variants that are the same: the name of their folder. */
  readonly id: string;
}

export interface GridAxis extends Pick<AblationAxis, "name" | "title" | "question"> {
  readonly variants: readonly GridVariant[];
}

/** What all trials of an ablation have in common, beside settings. */
export interface GridCommon {
  readonly labelsPerClass: readonly number[];
  readonly bankImages: number;
  readonly data: DataRecord;
}

/**
 * The ablation's axes with each variant's settings, checked.
 * @throws SitError "bad-option" naming axis, variant and setting
 */
export function gridOf(ablation: Ablation, choice: Resolved, common: GridCommon): GridAxis[] {
  return ablation.axes.map(({ name, title, question, variants }) => ({
    name,
    title,
    ...(question !== undefined && { question }),
    variants: variants.map((variant) => gridVariant(name, variant, choice, common)),
  }));
}

function gridVariant(
  axis: string,
  variant: AblationVariant,
  choice: Resolved,
  common: GridCommon,
): GridVariant {
  const { name, settings: own = {}, pretrained = true } = variant;
  const path = `${axis}/${name}`;
  const changed = typeof own === "function" ? own({ ...choice.settings }) : own;
  if (typeof changed !== "object" || changed === null) {
    throw new SitError("bad-option", `ablation ${path}: expected settings as an object, got ${changed}`);
  }
  const named = (setting: string) => `ablation ${path} settings.${setting}`;
  const base = changed.method === undefined ? choice.settings : choice.settingsFor(changed.method);
  const settings = { ...base, ...changed };
  checkSettings(settings, named);
  requireUsed([settings.method], changed, named);
  const method = pretrained ? settings.method : "scratch";
  return { name, path, method, settings, changed, id: idOf(method, settings, common) };
}

/** Settings of these groups change how a run goes on, not what comes out. */
const harmless: ReadonlySet<Group> = new Set<Group>(["saving", "faults", "test faults"]);

function idOf(method: ComparedName, settings: Settings, common: GridCommon): string {
  const looked = settingNames
    .filter((name) => looksAt(method, name) && !harmless.has(definitions[name].group))
    .filter((name) => !isAsBefore(name, settings))
    .sort()
    .map((name) => [name, settings[name]]);
  const { labelsPerClass, bankImages, data } = common;
  const images = [data.train.sha256, data.test?.sha256];
  const all = JSON.stringify([method, looked, labelsPerClass, bankImages, images]);
  return createHash("sha256").update(all).digest("hex").slice(0, 12);
}
