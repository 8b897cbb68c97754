import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import { aborted, type Host, lastLines } from "./host.js";
import { downloadWheel } from "./pip.js";
import type { Wheel } from "./recipe.js";
import { findPip } from "./tools.js";

/** TensorFlow's largest wheel, the one for CUDA, has 0.6 GB. */
const maximumWheelBytes = 2e9;
const maximumIndexBytes = 16e6;
const wrongFile = "Try again; if it stays, the mirror serves another file. The wasm engine still works.";

export interface FetchedWheel {
  file: string;
  /** Whether it was checked against a digest pinned in this package. */
  pinned: boolean;
}

export interface FetchOptions {
  signal?: AbortSignal;
  onFraction?: (fraction: number) => void;
  onDetail?: (detail: string) => void;
}

/**
 * Gets TensorFlow's wheel into `folder`: by pip, which honours the user's mirrors and proxies, else from PyPI by
 * HTTPS. Throws `SitError("network")` if neither gives it, `SitError("engine-install")` if its hash is wrong.
 */
export async function fetchWheel(
  wheel: Wheel,
  folder: string,
  host: Host,
  options: FetchOptions = {},
): Promise<FetchedWheel> {
  await mkdir(folder, { recursive: true });
  const pip = await findPip(host);
  let said = "python with pip was not found";
  if (pip !== undefined) {
    options.onDetail?.(`${wheel.file} through pip`);
    const requirement = `${wheel.project}==${wheel.version}`;
    const result = await downloadWheel(pip, requirement, [wheel.platformTag], folder, host, options.signal);
    const file = (await readdir(folder)).find((name) => name.endsWith(".whl"));
    if (result.code === 0 && file !== undefined) return await verified(wheel, join(folder, file));
    said = `pip: ${lastLines(result, 2)}`;
  }
  options.onDetail?.(`${wheel.file} from PyPI`);
  return await fetchFromIndex(wheel, folder, host, said, options);
}

async function verified(wheel: Wheel, file: string, indexDigest?: string): Promise<FetchedWheel> {
  const expected = wheel.sha256 ?? indexDigest;
  // pip has itself checked what it fetched against the index's digest.
  if (expected === undefined) return { file, pinned: false };
  const got = (await hashFile(file, createHash("sha256"))).digest("hex");
  if (got !== expected) {
    throw new SitError("engine-install", `${wheel.file}: expected sha256 ${expected}, got ${got}`, {
      mend: wrongFile,
    });
  }
  return { file, pinned: wheel.sha256 !== undefined };
}

interface IndexEntry {
  filename: string;
  url: string;
  digests: { sha256: string };
}

async function fetchFromIndex(
  wheel: Wheel,
  folder: string,
  host: Host,
  pipSaid: string,
  { signal, onFraction }: FetchOptions,
): Promise<FetchedWheel> {
  const file = join(folder, wheel.file);
  const pinned = wheel.sha256 !== undefined;
  try {
    const entry = await askIndex(wheel, host, signal);
    await host.download({
      url: entry.url,
      to: file,
      // The index's own digest, which came by HTTPS, where this project has none.
      sha256: wheel.sha256 ?? entry.digests.sha256,
      maximumBytes: maximumWheelBytes,
      signal,
      onProgress: ({ receivedBytes, totalBytes }) => {
        if (totalBytes !== undefined) onFraction?.(receivedBytes / totalBytes);
      },
    });
    return { file, pinned };
  } catch (error) {
    if (signal?.aborted) throw aborted();
    if (!SitError.isInstance(error)) throw error;
    if (error.code === "bad-file") {
      throw new SitError("engine-install", `${wheel.file}: ${error.message}`, {
        mend: wrongFile,
        cause: error,
      });
    }
    if (error.code !== "network") throw error;
    throw new SitError(
      "network",
      `TensorFlow's wheel ${wheel.file} could not be had. ${pipSaid}. HTTPS: ${error.message}`,
      {
        mend: "Check the network, or point pip at a mirror (pip config set global.index-url …). The wasm engine still works.",
        cause: error,
      },
    );
  }
}

async function askIndex(wheel: Wheel, host: Host, signal: AbortSignal | undefined): Promise<IndexEntry> {
  const url = `https://pypi.org/pypi/${wheel.project}/${wheel.version}/json`;
  const text = await host.downloadText({ url, maximumBytes: maximumIndexBytes, signal });
  let entry: IndexEntry | undefined;
  try {
    const { urls } = JSON.parse(text) as { urls: IndexEntry[] };
    entry = urls.find(({ filename }) => filename === wheel.file);
  } catch (cause) {
    throw new SitError("network", `${url}: expected PyPI's list of files, got something else`, { cause });
  }
  if (typeof entry?.url !== "string" || typeof entry.digests?.sha256 !== "string") {
    throw new SitError("network", `${url}: expected ${wheel.file} with its sha256 in it, got none`);
  }
  return entry;
}
