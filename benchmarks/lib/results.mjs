import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { writeFileAtomically } from "@sitjs/core/node";

/**
 * @typedef {{ machine: object, versions: object, settings?: object, rows?: { workload: string, precision: string }[] }
 *   & Record<string, any>} Results
 */

/**
 * The results in `file`, for a run of some parts to be put into; undefined where there is none.
 *
 * @param {string} file
 * @returns {Results | undefined}
 */
export function readResults(file) {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: expected JSON, got something else`, { cause });
  }
}

/** In what the machine and the versions of `old` differ from those of a new run, in words; empty where in nothing. */
export function differences(old, { machine, versions }) {
  const pairs = [
    [old.machine, machine],
    [old.versions, versions],
  ];
  return pairs.flatMap(([before, now]) =>
    [...new Set([...Object.keys(before ?? {}), ...Object.keys(now)])]
      .filter((key) => !isDeepStrictEqual(before?.[key], now[key]))
      .map((key) => `${key} ${JSON.stringify(before?.[key])} is now ${JSON.stringify(now[key])}`),
  );
}

/**
 * `old` with the parts of `fresh` in their places: rows by workload and precision, everything else by name.
 *
 * @param {Results | undefined} old
 * @param {Results} fresh
 * @returns {Results}
 */
export function merge(old, fresh) {
  const key = ({ workload, precision }) => `${workload} ${precision}`;
  const rows = new Map([...(old?.rows ?? []), ...(fresh.rows ?? [])].map((row) => [key(row), row]));
  const sorted = [...rows.values()].sort(
    (a, b) => a.workload.localeCompare(b.workload) || b.precision.localeCompare(a.precision),
  );
  return { ...old, ...fresh, ...(sorted.length > 0 && { rows: sorted }) };
}

/** Writes the whole file or nothing: whoever is stopped leaves it as it was. */
export async function writeResults(file, results) {
  await writeFileAtomically(file, `${JSON.stringify(results, null, 2)}\n`);
}
