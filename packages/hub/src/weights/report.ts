import { printable } from "@sitjs/core";
import type { WeightOrigin } from "./origins.js";

/** What became of a file's tensors. */
export interface ImportReport {
  readonly origin: WeightOrigin;
  /** The prefix of the network's names in the file. */
  readonly prefix: string;
  /** Names in the file that were taken. */
  readonly used: readonly string[];
  /** Names in the file that were not: other networks, optimizers, other heads. */
  readonly notUsed: readonly string[];
  /** Our parameters that the file lacks; they have initial values. */
  readonly missing: readonly string[];
  /** What was resized, with both shapes. */
  readonly resized: readonly string[];
}

/** The report as lines to print: what was used, what was not, what is missing. Names that begin alike are told together. */
export function describeImport(report: ImportReport): string {
  const { origin, prefix, used, notUsed, missing, resized } = report;
  const below = prefix === "" ? "" : `, below ${printable(prefix)}`;
  const lines = [
    `weights by the names of ${origin}${below}: ${used.length} tensors used`,
    ...(resized.length > 0 ? [`resized: ${resized.join("; ")}`] : []),
    `not used: ${some(notUsed)}`,
    `missing, with initial values: ${some(missing)}`,
  ];
  return lines.join("\n");
}

/** Names in a few words: many that begin alike are one entry, `student.module.backbone.* (150)`. */
function some(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const first = name.split(".", 1)[0] as string;
    groups.set(first, [...(groups.get(first) ?? []), name]);
  }
  const entries = [...groups.values()].flatMap((group) =>
    group.length > 3 ? [`${commonStart(group)}* (${group.length})`] : group,
  );
  const shown = entries.slice(0, 12).map(printable).join(", ");
  return entries.length > 12 ? `${shown}, …` : shown;
}

/** The dotted beginning that all names share. */
function commonStart(names: readonly string[]): string {
  const parts = names.map((name) => name.split("."));
  const [first = []] = parts;
  const different = first.findIndex((part, i) => parts.some((other) => other[i] !== part));
  return first
    .slice(0, different)
    .map((part) => `${part}.`)
    .join("");
}
