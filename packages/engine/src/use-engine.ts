import { requireOption, SitError } from "@sitjs/core/errors";
import { type Host, nodeHost } from "./host.js";
import { loadKernels } from "./kernels/load.js";
import { unregisterKernels } from "./kernels/register.js";
import { type LoadedNative, loadNative } from "./load-native.js";
import { loadCpu, loadWasm } from "./load-portable.js";
import { findGpu, type Gpu } from "./tools.js";
import type { Engine, EngineName, InstalledEngine } from "./types.js";

export interface UseEngineOptions {
  /** Default `auto`: the fastest that can be had. A name means that one or an error. */
  prefer?: "auto" | EngineName;
  /** Threads TensorFlow computes on; default all cores. It takes them when it is loaded: a later other number is an error. */
  threads?: number;
  /** Default `$SITJS_CACHE`, else the platform's user cache folder. */
  cacheDir?: string;
  /** Use the fused kernels where the engine has them (default true); false computes with TensorFlow's own operations. */
  kernels?: boolean;
  /** Takes the one line that `auto` says; default: the standard error stream. */
  onNotice?: (line: string) => void;
}

/** How the engines are started; replaced in tests. */
export interface Loaders {
  findGpu: (host: Host) => Promise<Gpu | undefined>;
  native: (variant: "cpu" | "gpu", host: Host, cacheDir?: string) => Promise<LoadedNative>;
  wasm: () => Promise<void>;
  cpu: () => Promise<void>;
}

export const engineNames: readonly EngineName[] = ["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"];

const loaders: Loaders = { findGpu, native: loadNative, wasm: loadWasm, cpu: loadCpu };

let said = false;

/**
 * Starts an engine for tfjs and makes it tfjs's current backend. `auto` tries `tfjs-node-gpu` (where an NVIDIA
 * driver answers), `tfjs-node`, `wasm`, `cpu`, and says once what it got and what it costs.
 *
 * Throws `SitError("engine-unavailable")` with the reason and the mend where an engine asked for by name cannot
 * be had: an explicit choice never falls back.
 */
export async function useEngine(options: UseEngineOptions = {}): Promise<Engine> {
  return await useEngineOn(nodeHost(), loaders, options);
}

/** `useEngine` on a given machine. */
export async function useEngineOn(host: Host, load: Loaders, options: UseEngineOptions): Promise<Engine> {
  const { prefer = "auto", threads } = options;
  requireOption(
    prefer === "auto" || engineNames.includes(prefer),
    "prefer",
    `"auto" or one of ${engineNames.join(", ")}`,
    prefer,
  );
  requireOption(
    threads === undefined || (Number.isInteger(threads) && threads > 0),
    "threads",
    "a positive integer",
    threads,
  );
  setEnvironment(host, threads);
  if (prefer !== "auto") return await start(prefer, host, load, options);

  const reasons: string[] = [];
  for (const name of engineNames) {
    try {
      const engine = await start(name, host, load, options);
      const note = reasons.length === 0 ? engine.note : `${engine.note} (${reasons.join("; ")})`;
      say(note, options.onNotice);
      return { ...engine, note };
    } catch (error) {
      if (!SitError.isInstance(error) || error.code === "bad-option") throw error;
      // No graphics card is the common case and no news.
      if (name !== "tfjs-node-gpu" || error.message !== noDriver) reasons.push(`${name}: ${error.message}`);
    }
  }
  throw new SitError("engine-unavailable", `no engine could be started: ${reasons.join("; ")}`);
}

function say(line: string, onNotice: ((line: string) => void) | undefined): void {
  if (onNotice !== undefined) {
    onNotice(line);
  } else if (!said) {
    process.stderr.write(`${line}\n`);
    said = true;
  }
}

/** TensorFlow reads these when it is loaded; what the user has set stays. */
function setEnvironment(host: Host, threads: number | undefined): void {
  const { env } = host;
  if (threads !== undefined) {
    for (const name of ["TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"]) env[name] = String(threads);
  }
  env.TF_CPP_MIN_LOG_LEVEL ??= "2";
}

export const noDriver = "no NVIDIA driver answers (nvidia-smi)";

async function start(
  name: EngineName,
  host: Host,
  load: Loaders,
  options: UseEngineOptions,
): Promise<Engine> {
  const base = { name, kernels: [], device: host.cpuModel };
  switch (name) {
    case "tfjs-node-gpu": {
      const gpu = await load.findGpu(host);
      if (gpu === undefined) {
        throw new SitError("engine-unavailable", noDriver, {
          mend: "Install the NVIDIA driver, then run `sit engine install --variant gpu`.",
        });
      }
      const { tensorflow, threads } = await load.native("gpu", host, options.cacheDir);
      requireThreads(options.threads, threads);
      const note = `Engine: TensorFlow ${tensorflow} on ${gpu.name}, native.`;
      return {
        ...base,
        backend: "tensorflow",
        device: gpu.name,
        tensorflow,
        cores: threads,
        native: true,
        note,
      };
    }
    case "tfjs-node": {
      const { tensorflow, threads, installed } = await load.native("cpu", host, options.cacheDir);
      requireThreads(options.threads, threads);
      const { kernels, words } = await fusedKernels(installed, host, options);
      const note = `Engine: TensorFlow ${tensorflow} on ${cores(threads)}, native${words}.`;
      return { ...base, backend: "tensorflow", tensorflow, cores: threads, native: true, kernels, note };
    }
    case "wasm": {
      await load.wasm();
      const note =
        "Engine: WebAssembly on 1 core. Training is up to 24 times slower than native; `sit engine install` gets that.";
      return { ...base, backend: "wasm", cores: 1, native: false, note };
    }
    case "cpu": {
      await load.cpu();
      const note =
        "Engine: plain JavaScript on 1 core, for small tests only: hundreds of times slower than native; `sit engine install` gets that.";
      return { ...base, backend: "cpu", cores: 1, native: false, note };
    }
  }
}

/** The kernels that were registered, and what the note says of them. */
async function fusedKernels(
  installed: InstalledEngine | undefined,
  host: Host,
  options: UseEngineOptions,
): Promise<{ kernels: string[]; words: string }> {
  if (options.kernels === false) {
    unregisterKernels();
    return { kernels: [], words: ", fused kernels off" };
  }
  if (installed === undefined) return { kernels: [], words: "" };
  const notice = options.onNotice ?? ((line: string) => process.stderr.write(`${line}\n`));
  const { kernels, reason } = await loadKernels(installed, host, (misfit) => {
    const why = misfit === undefined ? "" : ` (${misfit})`;
    notice(`Engine: compiling the fused kernels, once for this version; about a minute.${why}`);
  });
  if (reason !== undefined) return { kernels: [], words: `, without fused kernels (${reason})` };
  return { kernels: [...kernels], words: kernels.length > 0 ? ", fused kernels" : "" };
}

function requireThreads(asked: number | undefined, loaded: number): void {
  requireOption(
    asked === undefined || asked === loaded,
    "threads",
    `${loaded}, with which TensorFlow is already loaded in this process`,
    asked,
  );
}

function cores(count: number): string {
  return count === 1 ? "1 core" : `${count} cores`;
}
