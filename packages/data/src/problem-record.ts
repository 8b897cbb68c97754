import { SitError } from "@sitjs/core/errors";
import type { BadImage } from "./batch-task.js";
import type { ImageDataset } from "./dataset.js";
import { nameProblems } from "./problems.js";

export interface ProblemRecordOptions {
  /** The largest share of a dataset's images to go on without, 0 to 1. */
  readonly maximumBadShare: number;
  /** Told each image once; without it, one process warning. */
  readonly onProblem: ((problem: BadImage) => void) | undefined;
}

/** The images of a dataset that could not be read, each once. */
export interface ProblemRecord {
  /** By index. */
  readonly list: readonly BadImage[];
  /**
   * Adds those that are new.
   * @throws SitError "bad-file" where they are too many, or all
   */
  add(found: readonly BadImage[]): void;
}

export function problemRecord(
  { name, length }: ImageDataset,
  { maximumBadShare, onProblem }: ProblemRecordOptions,
): ProblemRecord {
  const known = new Set<number>();
  const list: BadImage[] = [];
  return {
    list,
    add(found) {
      const fresh = found.filter(({ index }) => !known.has(index));
      if (fresh.length === 0) return;
      for (const problem of fresh) {
        known.add(problem.index);
        list.push(problem);
      }
      list.sort((a, b) => a.index - b.index);
      if (onProblem) for (const problem of fresh) onProblem(problem);
      else if (list.length === fresh.length) warn(name, fresh[0] as BadImage);
      if (list.length / length <= maximumBadShare && list.length < length) return;
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      const allowed = `at most ${percent(maximumBadShare)} unreadable images`;
      const got = `${list.length} of ${length} (${percent(list.length / length)}): ${nameProblems(list)}`;
      throw new SitError("bad-file", `${name}: expected ${allowed}, got ${got}`, {
        mend: "Repair or remove them, or raise maximumBadShare.",
      });
    },
  };
}

function warn(name: string, first: BadImage): void {
  const message = `${name}: images cannot be read and are passed over, first ${nameProblems([first])}`;
  process.emitWarning(message, { code: "SITJS_UNREADABLE_IMAGES" });
}
