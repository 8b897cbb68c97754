import { SitError } from "@sitjs/core/errors";
import { reason } from "../decode.js";

/** How far a download is. */
export interface Download {
  /** What is being fetched. */
  readonly file: string;
  readonly receivedBytes: number;
  /** Undefined where the server does not say. */
  readonly totalBytes: number | undefined;
}

/** There are other sources: one that is slow to answer is not waited for as long as a download's default is. */
export const downloadPatience = { patienceMilliseconds: 15_000, tries: 3 } as const;

/** What the functions that find a data set by themselves can be asked. */
export interface SourceOptions<Source extends string> {
  readonly split: "train" | "test";
  /** A folder with the official files. If given, it is the only source tried. */
  readonly folder?: string;
  /** Only this source, instead of the first that answers. */
  readonly source?: Source;
  /** Root of the cache; default `$SITJS_CACHE`, else the user's cache folder. Files go to `datasets/` in it. */
  readonly cacheDir?: string;
  /** Told in one sentence what is fetched, from where, and how it differs from the official data set. */
  readonly onNotice?: (notice: string) => void;
  /** Told how far a download is. */
  readonly onProgress?: (progress: Download) => void;
}

/** A source, and how it is asked: undefined where it has nothing. */
export type Attempt<Origin extends string, Found> = readonly [Origin, () => Promise<Found | undefined>];

/**
 * What the first source gives that answers.
 * @throws SitError "network" with the reason of each source if none does, with `mend` as advice; "disk" at once: a full
 * disk is not a source's fault, and the next source would only fill it further
 */
export async function firstAnswer<Origin extends string, Found>(
  title: string,
  attempts: readonly Attempt<Origin, Found>[],
  how: { readonly mend: string; readonly onFailure: (origin: Origin, why: string) => void },
): Promise<Found> {
  const reasons: string[] = [];
  for (const [origin, attempt] of attempts) {
    try {
      const found = await attempt();
      if (found) return found;
    } catch (error) {
      if (SitError.isInstance(error) && error.code === "disk") throw error;
      reasons.push(`${origin}: ${reason(error)}`);
      how.onFailure(origin, reason(error));
    }
  }
  throw new SitError("network", `${title}: no source answered.\n  ${reasons.join("\n  ")}`, {
    mend: how.mend,
  });
}

/** A size for notices. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
