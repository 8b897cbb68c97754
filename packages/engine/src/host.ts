import { spawn } from "node:child_process";
import { access, constants, mkdir, realpath, stat, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { delimiter, dirname, join, sep } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { downloadFile, downloadText } from "@sitjs/core/node";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  signal?: AbortSignal;
  input?: string;
}

export interface RunResult {
  /** Exit code; null when a signal ended it; 127 when there is no such command. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program's file, links followed. */
export interface Executable {
  path: string;
  bytes: number;
  modifiedMilliseconds: number;
}

/** The machine, as far as this package asks it anything; replaced in tests. */
export interface Host {
  platform: string;
  arch: string;
  nodeVersion: string;
  env: Record<string, string | undefined>;
  cores: number;
  memoryBytes: number;
  cpuModel: string;
  /** Linux with another C library than glibc (Alpine's musl), for which there is no TensorFlow. */
  musl: boolean;
  /** Version of the glibc that runs here; undefined on other systems. */
  glibc?: string;
  run(command: string, args: string[], options?: RunOptions): Promise<RunResult>;
  /** The file that `run` would start, without starting it; undefined where there is none. */
  findExecutable(command: string): Promise<Executable | undefined>;
  /** Folder of an installed npm package, as this package finds it; undefined where there is none. */
  findPackage(name: string): string | undefined;
  download: typeof downloadFile;
  downloadText: typeof downloadText;
  /** Free bytes where `folder` is or would be made. */
  freeBytes(folder: string): Promise<number>;
}

/** Runs a command, collecting what it prints; a missing command is exit code 127, not an exception. */
async function run(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  if (options.signal?.aborted) throw aborted();
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      signal: options.signal,
      // npm is a .cmd file on Windows, which only a shell starts: its arguments must be constants of this package.
      shell: process.platform === "win32" && command === "npm",
      windowsHide: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (options.signal?.aborted) reject(aborted());
      else resolve({ code: error.code === "ENOENT" ? 127 : 126, stdout, stderr: stderr + error.message });
    });
    child.on("close", (code) => {
      if (options.signal?.aborted) reject(aborted());
      else resolve({ code, stdout, stderr });
    });
    // A child that ends before reading its input is judged by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

async function findExecutable(command: string): Promise<Executable | undefined> {
  const file = process.platform === "win32" && !command.endsWith(".exe") ? `${command}.exe` : command;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const files = file.includes(sep) ? [file] : folders.map((folder) => join(folder, file));
  for (const candidate of files) {
    try {
      const path = await realpath(candidate);
      await access(path, constants.X_OK);
      const found = await stat(path);
      if (found.isFile()) return { path, bytes: found.size, modifiedMilliseconds: found.mtimeMs };
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

export function aborted(): SitError {
  return new SitError("aborted", "the install was cancelled; nothing was changed");
}

/** By the package's own name, so that a program which was bundled into one file finds it too. */
function findPackage(name: string): string | undefined {
  try {
    const own = createRequire(import.meta.url).resolve("@sitjs/engine/package.json");
    return dirname(createRequire(own).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function glibcVersion(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}

export function nodeHost(): Host {
  const glibc = glibcVersion();
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    env: process.env,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    cpuModel: cpus()[0]?.model.trim() || process.arch,
    musl: process.platform === "linux" && glibc === undefined,
    glibc,
    run,
    findExecutable,
    findPackage,
    download: downloadFile,
    downloadText,
    async freeBytes(folder) {
      await mkdir(folder, { recursive: true });
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
}

/** The last lines of what a command printed: where its error is. */
export function lastLines(result: RunResult, count: number): string {
  const text = result.stderr.trim() === "" ? result.stdout : result.stderr;
  return text.trim().split("\n").slice(-count).join("\n");
}
