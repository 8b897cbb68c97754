import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { SitError } from "@sitjs/core/errors";
import { aborted, type Host, lastLines } from "./host.js";
import { downloadWheel } from "./pip.js";
import type { Wheel } from "./recipe.js";
import { findPip } from "./tools.js";

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

/** Hash of a file, in base64 or hex. */
export async function hashFile(
  file: string,
  algorithm: "sha256" | "sha512",
  encoding: "hex" | "base64",
): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest(encoding);
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
  const got = await hashFile(file, "sha256", "hex");
  if (got !== expected) {
    throw new SitError("engine-install", `${wheel.file}: expected sha256 ${expected}, got ${got}`, {
      mend: "Try again; if it stays, the mirror serves another file. The wasm engine still works.",
    });
  }
  return { file, pinned: wheel.sha256 !== undefined };
}

interface IndexAnswer {
  urls: { filename: string; url: string; digests: { sha256: string } }[];
}

async function fetchFromIndex(
  wheel: Wheel,
  folder: string,
  host: Host,
  pipSaid: string,
  options: FetchOptions,
): Promise<FetchedWheel> {
  const index = `https://pypi.org/pypi/${wheel.project}/${wheel.version}/json`;
  const { signal } = options;
  try {
    const answer = await host.fetch(index, signal);
    if (!answer.ok) throw new Error(`${index} answered ${answer.status}`);
    const { urls } = (await answer.json()) as IndexAnswer;
    const entry = urls.find(({ filename }) => filename === wheel.file);
    if (entry === undefined) throw new Error(`${index} has no ${wheel.file}`);
    const response = await host.fetch(entry.url, signal);
    if (!response.ok || response.body === null) throw new Error(`${entry.url} answered ${response.status}`);
    const total = Number(response.headers.get("content-length"));
    let received = 0;
    const count = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        received += chunk.length;
        if (total > 0) options.onFraction?.(received / total);
        done(null, chunk);
      },
    });
    const file = join(folder, wheel.file);
    await pipeline(Readable.fromWeb(response.body as ReadableStream), count, createWriteStream(file), {
      signal,
    });
    return await verified(wheel, file, entry.digests.sha256);
  } catch (error) {
    if (SitError.isInstance(error)) throw error;
    if (signal?.aborted) throw aborted();
    throw new SitError(
      "network",
      `TensorFlow's wheel ${wheel.file} could not be had. ${pipSaid}. HTTPS: ${reason(error)}`,
      {
        mend: "Check the network, or point pip at a mirror (pip config set global.index-url …). The wasm engine still works.",
        cause: error,
      },
    );
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
