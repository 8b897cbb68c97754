import { SitError } from "@sitjs/core/errors";
import { describeJson, parseJson } from "@sitjs/core/json";
import type { TrialRecord, TrialSetup } from "./trial-record.js";

/** A text in a trial's file is a name, a path or a date. */
const longestText = 4096;

type Check = (value: unknown) => boolean;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text: Check = (value) => typeof value === "string" && value.length <= longestText;
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const finite: Check = (value) => Number.isFinite(value);
const fraction: Check = (value) => typeof value === "number" && value >= 0 && value <= 1;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isRecord(value) && Object.entries(fields).every(([name, check]) => check(own(value, name)));
const own = (of: Record<string, unknown>, name: string) => (Object.hasOwn(of, name) ? of[name] : undefined);

const part = record({ images: whole, sha256: text });
const fields: Readonly<Record<keyof TrialRecord, Check>> = {
  folder: text,
  method: text,
  seed: whole,
  preset: text,
  // Which settings there have to be, the version decides that reads them; each is a word, a number or a choice.
  settings: (value) =>
    isRecord(value) &&
    Object.values(value).every((each) => each === null || typeof each !== "object") &&
    Object.values(value).every((each) => typeof each !== "string" || text(each)),
  labelsPerClass: list(whole),
  data: record({ source: text, name: text, train: part, test: optional(part) }),
  customParts: list(text),
  date: text,
  computedBy: text,
  peakMemoryMB: finite,
  seconds: finite,
  images: whole,
  testImages: whole,
  result: record({
    pretrain: optional(
      record({ steps: whole, seconds: finite, imagesPerSecond: finite, epochs: list(isRecord) }),
    ),
    knn: fraction,
    linear: optional(fraction),
    accuracy: list(record({ labels: whole, top1: fraction, seconds: finite })),
  }),
};

/**
 * The trial in the text of its file: `seed-0.json` of a comparison or an ablation.
 * @param place whose trial it has to be
 * @throws SitError "bad-file" naming the file, and the first field that is not as it should be
 */
export function parseTrial(
  content: string,
  source: string,
  place: Pick<TrialSetup, "folder" | "method" | "seed">,
): TrialRecord {
  const value = parseJson(content, source);
  const fail = (expected: string, got: unknown): never => {
    throw new SitError(
      "bad-file",
      `${source}: expected the result of a trial ${expected}, got ${describeJson(got)}`,
      {
        mend: "Remove the file to have the trial done again.",
      },
    );
  };
  if (!isRecord(value)) return fail("as an object", value);
  for (const [name, check] of Object.entries(fields)) {
    if (!check(own(value, name))) fail(`with a valid ${name}`, own(value, name));
  }
  for (const name of ["method", "seed"] as const) {
    if (value[name] !== place[name]) fail(`with the ${name} ${place[name]} that its place says`, value[name]);
  }
  // The path of the folder is written otherwise on other systems.
  return { ...(value as unknown as TrialRecord), folder: place.folder };
}
