import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { dataDifferences } from "../experiment/data-record.js";
import { looksAt } from "../settings/compared.js";
import { completeSettings } from "../settings/later.js";
import type { Settings } from "../settings/settings.js";
import { isPassing, runFiles } from "./files.js";
import { parseTrial } from "./parse-trial.js";
import { settingDifferences } from "./resume.js";
import type { TrialRecord, TrialSetup } from "./trial-record.js";

type Place = Pick<TrialSetup, "folder" | "seed">;

/** The file of a trial, and the folder of its pretraining while that goes on. */
const trialFile = (out: string, { folder, seed }: Place) => join(out, folder, `seed-${seed}.json`);
const trialFolder = (out: string, { folder, seed }: Place) => join(out, folder, `seed-${seed}`);

/**
 * Throws where `out` holds something else than what a command of many trials leaves.
 *
 * @param what such as "comparison"
 * @param isOurs tells the names of its folders and files, beside those that all have
 * @throws SitError "bad-option"
 */
export async function requireTrialsFolder(
  out: string,
  what: string,
  isOurs: (name: string) => boolean,
): Promise<void> {
  const common: ReadonlySet<string> = new Set([runFiles.report, runFiles.reportData, runFiles.lock]);
  let names: string[];
  try {
    names = await readdir(out);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    throw refused(out, what, code === "ENOTDIR" ? "a file" : "one that cannot be read", cause);
  }
  const other = names.find((name) => !common.has(name) && !isOurs(name) && !isPassing(name));
  if (other !== undefined) throw refused(out, what, `a folder with ${JSON.stringify(other)} in it`);
}

function refused(out: string, what: string, got: string, cause?: unknown): SitError {
  const text = `--out ${out}: expected a new folder or that of an earlier ${what}, got ${got}`;
  return new SitError("bad-option", text, { mend: "Name another folder.", cause });
}

/**
 * The trial of an earlier run of the command, where there is one.
 * @throws SitError "bad-file" where its file is damaged; "bad-option" where it was another trial: see `requireSameTrial`
 */
export async function readTrial(out: string, setup: TrialSetup): Promise<TrialRecord | undefined> {
  const path = trialFile(out, setup);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SitError("bad-file", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
  const record = parseTrial(text, path, setup);
  requireSameTrial({ ...record, settings: completeSettings(record.settings) }, setup, out);
  return record;
}

/** @throws SitError "bad-option" naming everything in which the trial was another */
export function requireSameTrial(
  saved: Omit<TrialSetup, "method" | "folder">,
  now: TrialSetup,
  out: string,
): void {
  const { method, seed } = now;
  const options = settingDifferences(saved.settings, now.settings).filter(({ harmless }) => !harmless);
  const looked = new Set(
    (Object.keys(now.settings) as (keyof Settings)[]).filter((name) => looksAt(method, name)),
  );
  const differences = options
    .filter(({ setting }) => looked.has(setting))
    .map(({ option, saved: before, now: after }) => `${option} ${before} (now ${after})`);
  const list = (option: string, before: readonly unknown[], after: readonly unknown[]) => {
    if (before.join() === after.join()) return;
    differences.push(`${option} ${before.join() || "none"} (now ${after.join() || "none"})`);
  };
  list("--labels-per-class", saved.labelsPerClass, now.labelsPerClass);
  list("config parts", saved.customParts, now.customParts);
  const images = dataDifferences(saved.data, now.data);
  if (images.length > 0)
    differences.push(`--data ${saved.data.source} (now ${now.data.source}: ${images.join(", ")})`);
  if (differences.length === 0) return;
  throw new SitError(
    "bad-option",
    `--out ${out}: expected the settings that ${method} with seed ${seed} was run with: ${shortened(differences.join("; "))}`,
    { mend: "Leave these options out, or name another folder." },
  );
}

/** Texts of the file as they can be shown. */
const shortened = (text: string) => printable(text.length > 600 ? `${text.slice(0, 600)}…` : text);

/** Makes the folder of a trial's pretraining. */
export async function makeTrialFolder(out: string, place: Place): Promise<string> {
  const folder = trialFolder(out, place);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new SitError("disk", `${folder}: cannot be made (${(cause as Error).message})`, { cause });
  }
  return folder;
}

/** Writes a trial that is done, and takes away what its pretraining has left. */
export async function writeTrial(out: string, record: TrialRecord): Promise<void> {
  await writeFileAtomically(trialFile(out, record), `${JSON.stringify(record, null, 2)}\n`);
  await removePretraining(out, record);
}

/** Takes away what the pretraining of a trial that is done has left; a kill may have come before that. */
export async function removePretraining(out: string, record: TrialRecord): Promise<void> {
  const folder = trialFolder(out, record);
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (cause) {
    throw new SitError("disk", `${folder}: cannot be removed (${(cause as Error).message})`, { cause });
  }
}
