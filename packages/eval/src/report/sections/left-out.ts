import { printable } from "@sitjs/core/errors";
import type { ReportData } from "../data.js";
import { count } from "../format.js";
import { factTable, type Section, section } from "./section.js";

/** A page is not made longer by more of them. */
const SHOWN = 200;

/** Images that the run went on without, and why. */
export function leftOutSection({ leftOut = [] }: ReportData): Section | undefined {
  if (leftOut.length === 0) return undefined;
  const images = `${count(leftOut.length)} image${leftOut.length === 1 ? "" : "s"}`;
  const some = leftOut.length > SHOWN ? ` The first ${SHOWN} of them:` : "";
  const rows = leftOut.slice(0, SHOWN).map(({ part, path, reason }) => {
    const used = part === undefined ? "" : ` (${part})`;
    return [`${printable(path)}${used}`, reason] as const;
  });
  return section(
    "left-out",
    "Images left out",
    `The run went on without ${images} that could not be read.${some}`,
    factTable(rows),
  );
}
