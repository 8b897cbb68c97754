import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Params, SitError, withoutPrefix, withPrefix } from "@sitjs/core";
import { stageFolder, writeFileAtomically } from "@sitjs/core/node";
import * as tf from "@tensorflow/tfjs";
import type { Checkpoint, CheckpointStore } from "../checkpoint.js";
import type { TrainState } from "../step.js";
import { type CheckpointInfo, type CheckpointMetric, FORMAT, parseCheckpointInfo } from "./info.js";
import { readParams, writeParams } from "./params-file.js";

export interface CheckpointFolderOptions {
  /** What the run was made with, in the caller's words: plain data, given back by `loadCheckpoint`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** How many of the latest are kept (default 2). */
  readonly keep?: number;
  /** The best by this mean of the steps before it is kept too (default the lowest `loss`); false: none. */
  readonly best?: CheckpointMetric | false;
  /** Versions to record beside those of tfjs and Node, by name. */
  readonly versions?: Readonly<Record<string, string>>;
  /**
   * The run is a new one (default false): checkpoints of an earlier run in the folder go when this one's first is saved.
   */
  readonly replace?: boolean;
}

/** A checkpoint on the disk. */
export interface SavedCheckpoint {
  /** Its folder. */
  readonly path: string;
  readonly step: number;
}

const FILES = { tensors: "checkpoint.safetensors", info: "checkpoint.json" } as const;
const SUBFOLDER = "checkpoints";
const SECTIONS = { student: "student.", teacher: "teacher.", optimizer: "optimizer." } as const;

/**
 * Checkpoints in `folder`, each a folder `checkpoints/step-…` of two files: `checkpoint.safetensors` with student,
 * teacher and optimizer, and `checkpoint.json` with all that is no tensor (`CheckpointInfo`) and the other file's SHA-256.
 * Both appear at once, by the renaming of their folder: a reader never sees a part, nor does a killed run leave one. The
 * latest `keep` stay, and the best.
 *
 * @throws SitError "disk" where a checkpoint cannot be written; those before it are untouched
 */
export function checkpointFolder(folder: string, options: CheckpointFolderOptions = {}): CheckpointStore {
  const { settings = {}, keep = 2, best = { metric: "loss", lowest: true }, versions = {} } = options;
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new SitError("bad-option", `keep: expected a whole number of checkpoints, 1 or more, got ${keep}`);
  }
  let replace = options.replace ?? false;
  return {
    open: () => clearLeftovers(folder),
    async save(state, progress) {
      if (replace) await clearCheckpoints(folder);
      replace = false;
      const target = join(folder, SUBFOLDER, folderName(progress.step));
      const staged = await stageFolder(target).catch((cause) => {
        throw notWritten(target, cause);
      });
      try {
        const sum = await writeParams(join(staged.path, FILES.tensors), tensorsOf(state));
        const info: CheckpointInfo = {
          format: FORMAT,
          ...progress,
          settings,
          versions: { node: process.versions.node, tfjs: tf.version_core, ...versions },
          backend: tf.getBackend(),
          saved: new Date().toISOString(),
          file: { name: FILES.tensors, ...sum },
        };
        await writeFileAtomically(join(staged.path, FILES.info), `${JSON.stringify(info, null, 2)}\n`);
        await staged.commit();
      } catch (cause) {
        await staged.discard().catch(() => undefined);
        throw notWritten(target, cause);
      }
      await prune(folder, progress.step, keep, best);
    },
  };
}

/** The checkpoints in a run's folder, the latest first; damaged ones too. */
export async function listCheckpoints(folder: string): Promise<SavedCheckpoint[]> {
  const names = await readdir(join(folder, SUBFOLDER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw new SitError("bad-file", `${folder}: cannot be read (${error.message})`, { cause: error });
  });
  return names
    .flatMap((name) => {
      const step = /^step-(\d{9,15})$/.exec(name)?.[1];
      return step === undefined ? [] : [{ path: join(folder, SUBFOLDER, name), step: Number(step) }];
    })
    .sort((a, b) => b.step - a.step);
}

/** Takes a run's checkpoints away, and what killed runs have left of them. */
export async function clearCheckpoints(folder: string): Promise<void> {
  await rm(join(folder, SUBFOLDER), { recursive: true, force: true });
}

export interface ReadOptions {
  /** Told of each checkpoint that cannot be read, before an older one is taken; not told: the first of them throws. */
  readonly onDamaged?: (error: SitError) => void;
}

/** What a checkpoint says of itself, and where it is. */
export interface FoundCheckpoint {
  /** Its folder. */
  readonly path: string;
  readonly info: CheckpointInfo;
}

/**
 * What a checkpoint says of itself; of its tensors only the size is looked at.
 *
 * @param path a run's folder (its latest checkpoint), a checkpoint's folder, or a file in that
 * @throws SitError "missing-file" or "bad-file"
 */
export async function inspectCheckpoint(path: string, options: ReadOptions = {}): Promise<FoundCheckpoint> {
  return await newest(path, options, async (folder) => ({ path: folder, info: await readInfo(folder) }));
}

/**
 * Reads a checkpoint and checks its sum. The caller owns the state.
 *
 * @param path a run's folder (its latest checkpoint), a checkpoint's folder, or a file in that
 * @throws SitError "missing-file" or "bad-file"
 */
export async function loadCheckpoint(
  path: string,
  options: ReadOptions = {},
): Promise<Checkpoint & FoundCheckpoint> {
  return await newest(path, options, async (folder) => {
    const info = await readInfo(folder);
    const state = await readState(folder, info);
    return { path: folder, info, state, run: info.run };
  });
}

/** The first of the folders that can be read, the latest first. */
async function newest<T>(
  path: string,
  options: ReadOptions,
  read: (folder: string) => Promise<T>,
): Promise<T> {
  const folders = await candidates(path);
  for (const [i, folder] of folders.entries()) {
    try {
      return await read(folder);
    } catch (error) {
      const last = i + 1 === folders.length;
      if (last || options.onDamaged === undefined || !SitError.isInstance(error)) throw error;
      options.onDamaged(error);
    }
  }
  const expected = "expected a checkpoint, or the folder of a run with checkpoints, got none";
  throw new SitError("missing-file", `${path}: ${expected}`);
}

async function candidates(path: string): Promise<string[]> {
  const file = await stat(path).catch(() => undefined);
  if (file?.isFile()) return [dirname(path)];
  if (/^step-\d+$/.test(basename(path)) || (await isFile(join(path, FILES.info)))) return [path];
  return (await listCheckpoints(path)).map((checkpoint) => checkpoint.path);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function readInfo(folder: string): Promise<CheckpointInfo> {
  const path = join(folder, FILES.info);
  const info = parseCheckpointInfo(await read(path), path);
  const file = join(folder, FILES.tensors);
  const size = (await stat(file).catch(() => undefined))?.size;
  if (size !== info.file.bytes) {
    throw new SitError(
      "bad-file",
      `${file}: expected ${info.file.bytes} bytes, as ${FILES.info} says, got ${size ?? "no file"}`,
    );
  }
  return info;
}

async function readState(folder: string, info: CheckpointInfo): Promise<TrainState> {
  const params = await readParams(join(folder, FILES.tensors), info.file);
  const teacher = withoutPrefix(SECTIONS.teacher, params);
  return {
    student: withoutPrefix(SECTIONS.student, params),
    teacher: Object.keys(teacher).length > 0 ? teacher : undefined,
    optimizer: withoutPrefix(SECTIONS.optimizer, params),
    step: info.step,
    skipped: info.skipped,
  };
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = `${path}: expected a checkpoint's file, cannot read it (${(cause as Error).message})`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause });
  }
}

function tensorsOf(state: TrainState): Params {
  return {
    ...withPrefix(SECTIONS.student, state.student),
    ...(state.teacher && withPrefix(SECTIONS.teacher, state.teacher)),
    ...withPrefix(SECTIONS.optimizer, state.optimizer),
  };
}

/** Names the checkpoint, not the place beside it that nobody knows. */
function notWritten(target: string, error: unknown): unknown {
  if (!SitError.isInstance(error) || error.code !== "disk") return error;
  const { cause = error } = error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SitError("disk", `${target}: the checkpoint cannot be written (${reason})`, {
    mend: "Free some space, or name another folder; the checkpoints before this one are intact.",
    cause,
  });
}

/** In the order of their names as of their steps. */
function folderName(step: number): string {
  return `step-${String(step).padStart(9, "0")}`;
}

/**
 * Takes away what is neither among the latest nor the best, and what killed runs have left half done. Beyond `step` lies
 * only what the run could not be gone on with from.
 */
async function prune(
  folder: string,
  step: number,
  keep: number,
  best: CheckpointMetric | false,
): Promise<void> {
  const found = await listCheckpoints(folder);
  const all = found.filter((checkpoint) => checkpoint.step <= step);
  const kept = new Set(all.slice(0, keep).map(({ path }) => path));
  if (best) {
    const path = await bestOf(all, best);
    if (path !== undefined) kept.add(path);
  }
  for (const { path } of found) {
    if (kept.has(path)) continue;
    // First out of sight, at once; then away.
    const old = join(dirname(path), `.${basename(path)}.old`);
    await rename(path, old);
    await rm(old, { recursive: true, force: true });
  }
  await clearLeftovers(folder);
}

/** Takes away what a killed run has left half written or half removed. */
async function clearLeftovers(folder: string): Promise<void> {
  const names = await readdir(join(folder, SUBFOLDER)).catch(() => []);
  for (const name of names) {
    if (name.startsWith(".step-")) await rm(join(folder, SUBFOLDER, name), { recursive: true, force: true });
  }
}

async function bestOf(all: readonly SavedCheckpoint[], { metric, lowest }: CheckpointMetric) {
  let best: { path: string; value: number } | undefined;
  for (const { path } of all) {
    const info = await readInfo(path).catch(() => undefined);
    const value = info?.metrics[metric];
    if (value === undefined) continue;
    // Of equals the latest, which comes first.
    if (best === undefined || (lowest ? value < best.value : value > best.value)) best = { path, value };
  }
  return best?.path;
}
