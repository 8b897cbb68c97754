import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "@sitjs/core/random";
import sharp from "sharp";
import { afterAll, beforeAll } from "vitest";

const app = fileURLToPath(new URL("..", import.meta.url));
const cli = join(app, "dist", "cli.js");

/** Builds the command line, and the packages it needs, where the build is missing or older than the sources. */
export function ensureBuilt(): void {
  const built = existsSync(cli) ? statSync(cli).mtimeMs : 0;
  if (newestSource(join(app, "src")) <= built) return;
  const root = join(app, "..", "..");
  const turbo = join(root, "node_modules", "turbo", "bin", "turbo");
  execFileSync(
    process.execPath,
    [turbo, "run", "build", "--filter=@sitjs/app", "--output-logs=errors-only"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
}

function newestSource(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/test(ing)?\.ts$/.test(entry.name))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return Math.max(...times);
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Rejects, and kills the command, where it does not end in time. */
  readonly finished: Promise<Finished>;
  /** Resolves when its output on either stream so far matches; rejects where it ends before. */
  says(what: RegExp): Promise<void>;
}

/** No command of the tests takes so long, in milliseconds. */
const WATCHDOG = 90_000;
/** Names the processes of a test, also those that they start. */
const MARK = "SIT_TEST_PROCESS";
let started = 0;

const slowMotion = new URL("../../../fixtures/slow-motion.mjs", import.meta.url).href;

export interface StartOptions {
  /** Makes the run take many times as long, so that what a test does to it comes well before its end, on any machine. */
  readonly slowly?: boolean;
}

/** Starts `sit` with these arguments in `folder`. */
export function startSit(
  folder: string,
  args: readonly string[],
  { slowly = false }: StartOptions = {},
): Running {
  const mark = `${process.pid}-${started++}`;
  const child = spawn(process.execPath, [...(slowly ? ["--import", slowMotion] : []), cli, ...args], {
    cwd: folder,
    env: { ...process.env, [MARK]: mark },
  });
  let [out, err] = ["", ""];
  const watchers = new Set<() => void>();
  const told = () => {
    for (const watch of watchers) watch();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
    told();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
    told();
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    const watchdog = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`sit ${args.join(" ")} did not end in ${WATCHDOG / 1000} s: ${out}${err}`));
    }, WATCHDOG);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(watchdog);
      const left = marked(mark);
      if (left.length > 0) reject(new Error(`sit ${args.join(" ")} has left processes: ${left.join(", ")}`));
      else resolve({ code, signal, out, err });
    });
  });
  const says = (what: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (!what.test(out + err)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      const early = () => reject(new Error(`sit ${args.join(" ")} has not said ${what}: ${out}${err}`));
      finished.then(early, early);
      watch();
    });
  finished.catch(() => undefined);
  return { child, finished, says };
}

/** Runs `sit` with these arguments in `folder`. */
export async function sit(folder: string, args: readonly string[]): Promise<Finished> {
  return await startSit(folder, args).finished;
}

/** A folder for the runs of a test file, with the command line built; taken away after the tests. */
export interface RunsFolder {
  /** A path in it. */
  at(...path: string[]): string;
  /** What a JSON file in it says. */
  json(...path: string[]): ReturnType<typeof JSON.parse>;
  /**
   * The checkpoints of the run in `out`, the latest first, each with its path and what its JSON file says; not what a kill
   * in the middle of a write has left beside them.
   */
  checkpoints(out: string): ReturnType<typeof JSON.parse>[];
  /** Runs `sit` there, with the words of this text. */
  run(text: string): Promise<Finished>;
  /** Starts it. */
  start(text: string, options?: StartOptions): Running;
}

/** @param prepare puts there what the tests need */
export function runsFolder(name: string, prepare: (at: RunsFolder["at"]) => Promise<void>): RunsFolder {
  let folder = "";
  const at = (...path: string[]) => join(folder, ...path);
  beforeAll(async () => {
    ensureBuilt();
    folder = mkdtempSync(join(tmpdir(), `sit-${name}-`));
    await prepare(at);
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const json: RunsFolder["json"] = (...path) => JSON.parse(readFileSync(at(...path), "utf8"));
  return {
    at,
    json,
    checkpoints: (out) =>
      readdirSync(at(out, "checkpoints"))
        .filter((name) => name.startsWith("step-"))
        .sort()
        .reverse()
        .map((name) => ({
          path: at(out, "checkpoints", name),
          ...json(out, "checkpoints", name, "checkpoint.json"),
        })),
    run: (text) => sit(folder, text.split(" ")),
    start: (text, options) => startSit(folder, text.split(" "), options),
  };
}

/** Processes that a command has left, by their environment; on Linux. */
function marked(mark: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(join("/proc", pid, "environ"), "latin1")
          .split("\0")
          .includes(`${MARK}=${mark}`);
      } catch {
        return false;
      }
    });
}

/** Options of a network that learns nothing, quickly. */
export const tiny =
  "--image-size 16 --patch-size 8 --width 16 --depth 1 --heads 2 --batch-size 4 --reconstruction-hidden 16 --projection-hidden 16 --projection-output 8 --engine wasm --workers 0";

/** Folders of small pictures, one for each class, of that class's colour; others in a folder `test`. */
export async function makePictures(folder: string, perClass: number): Promise<void> {
  const colours = { red: [200, 40, 40], blue: [40, 40, 200] };
  const part = basename(folder) === "test" ? ["test"] : [];
  for (const [name, colour] of Object.entries(colours)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const rng = randomStream(0, ...part, name, i);
      const data = Uint8Array.from(
        { length: 20 * 20 * 3 },
        (_, k) => (colour[k % 3] as number) + rng.integer(0, 40),
      );
      await sharp(data, { raw: { width: 20, height: 20, channels: 3 } })
        .png()
        .toFile(join(folder, name, `${i}.png`));
    }
  }
}
