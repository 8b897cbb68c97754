import { printable } from "@sitjs/core/errors";
import type { FolderProblem } from "./folder-scan.js";
import type { ImageProblemKind } from "./image-error.js";

export interface ProblemSummary {
  /** How many there are in all. */
  readonly count: number;
  /** How many of each kind, those with most first. */
  readonly kinds: readonly { readonly kind: ImageProblemKind; readonly count: number }[];
  /** A line for each kind with its count and the first few names: `2 truncated: a.jpg, b.jpg`. */
  readonly lines: readonly string[];
}

/** Counts problems by kind and names the first few of each, ready to be shown. */
export function summarizeProblems(
  problems: readonly Pick<FolderProblem, "path" | "kind">[],
  options: {
    /** How many names to give of each kind; default 3. */
    readonly names?: number;
  } = {},
): ProblemSummary {
  const { names = 3 } = options;
  const byKind = new Map<ImageProblemKind, string[]>();
  for (const { path, kind } of problems) {
    const paths = byKind.get(kind);
    if (paths) paths.push(path);
    else byKind.set(kind, [path]);
  }
  // The order of kinds with the same count is that of their first problems.
  const sorted = [...byKind].sort(([, a], [, b]) => b.length - a.length);
  return {
    count: problems.length,
    kinds: sorted.map(([kind, paths]) => ({ kind, count: paths.length })),
    lines: sorted.map(([kind, paths]) => {
      const shown = paths.slice(0, names).map(printable);
      if (shown.length === 0) return `${paths.length} ${kind}`;
      if (paths.length > names) shown.push("...");
      return `${paths.length} ${kind}: ${shown.join(", ")}`;
    }),
  };
}

/** The first few problems with their reasons: `a.jpg (an empty file (0 bytes)), b.jpg (…) and 7 more`. */
export function nameProblems(problems: readonly FolderProblem[], names = 3): string {
  const shown = problems.slice(0, names).map(({ path, reason }) => `${printable(path)} (${reason})`);
  const more = problems.length > names ? ` and ${problems.length - names} more` : "";
  return shown.join(", ") + more;
}
