import type { Part, PartFunction, PartSettings } from "./module.js";

/** What a record says of a part that does not tell its settings: they are not compared. */
const unknown = { unknown: true } as const;

/**
 * What the settings of a method, or of another part made of parts, say of one of them: its name and its settings. Of a part
 * that does not tell its settings the name, of such a function nothing, and `unknown: true`.
 */
export function partRecord(part: Part | PartFunction<(...given: never[]) => unknown>): PartSettings {
  if (typeof part === "function") return settingsOf(part);
  return { ...settingsOf(part), name: part.name };
}

/** The same of several parts, each under its name here: `settings: { ...partRecords({ head, loss }), alpha }`. */
export function partRecords(parts: Readonly<Record<string, Parameters<typeof partRecord>[0]>>): PartSettings {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, partRecord(part)]));
}

/** The settings of a part, or that they are unknown. */
export function settingsOf({ settings = unknown }: { readonly settings?: PartSettings }): PartSettings {
  return settings;
}
