import { SitError } from "../../errors.js";
import { type Answer, authorization, type Client } from "./client.js";
import type { DownloadJob } from "./options.js";
import type { Origin, PartialFile } from "./partial.js";

/** A try that broke off, after which another may do better. */
export class Interrupted extends Error {
  /** How long the server asks to be left alone, in milliseconds. */
  readonly pause: number;

  constructor(reason: string, pause = 0) {
    super(reason);
    this.pause = pause;
  }
}

export const wrongFile =
  "The server sends another file than the expected one; a page to sign in to the network looks so too.";

/** Statuses that a server gives while it is busy or being restarted. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);
/** A server that asks for a longer pause is not waited for. */
const longestPause = 60_000;

/**
 * Asks once for what the partial file lacks, and appends it. Says whether what is there came in one piece.
 * @throws Interrupted; SitError "network" or "bad-file", the partial file then removed; what the connection throws
 */
export async function receive(
  job: DownloadJob,
  partial: PartialFile,
  client: Client,
  signal: AbortSignal,
): Promise<{ whole: boolean }> {
  const from = partial.bytes;
  if (from > 0 && from === (partial.origin?.totalBytes ?? job.bytes)) return { whole: false };
  const answer = await client.get(
    job.url,
    { ...greeting, ...authorization(job.token), ...rangeHeaders(partial) },
    signal,
  );
  try {
    return await take(job, partial, answer);
  } finally {
    answer.drop();
  }
}

// Compressed on the way, it would be another file than the one with the checksum, and could not be resumed.
export const greeting = {
  "accept-encoding": "identity",
  "user-agent": "sitjs (https://github.com/sitjs/sitjs)",
};

function rangeHeaders({ bytes, origin }: PartialFile): Record<string, string> {
  if (bytes === 0) return {};
  const strong = origin?.etag?.startsWith('"') ? origin.etag : undefined;
  const same = strong ?? origin?.lastModified;
  // Without a mark of the content the range is asked for all the same: the checksum tells in the end.
  return { range: `bytes=${bytes}-`, ...(same === undefined ? {} : { "if-range": same }) };
}

async function take(job: DownloadJob, partial: PartialFile, answer: Answer): Promise<{ whole: boolean }> {
  const { url } = job;
  const from = partial.bytes;
  const part = answer.status === 206 && from > 0 ? contentRange(answer) : undefined;
  if (answer.status === 416 && from > 0) {
    await partial.discard();
    throw new Interrupted("the server has less of the file than was there: from the beginning");
  }
  if (answer.status !== 200 && part === undefined) throw refusal(url, answer);

  const origin = originOf(url, answer, part?.total);
  if (part && (part.from !== from || changed(partial.origin, origin))) {
    await partial.discard();
    throw new Interrupted("the file has changed on the server: from the beginning");
  }
  await requireLength(job, partial, origin.totalBytes);
  if (!part) await partial.restart(origin);
  await copy(job, partial, answer, origin.totalBytes);
  return { whole: !part };
}

async function copy(
  job: DownloadJob,
  partial: PartialFile,
  answer: Answer,
  stated: number | undefined,
): Promise<void> {
  const totalBytes = job.bytes ?? stated;
  const most = Math.min(job.maximumBytes, totalBytes ?? job.maximumBytes);
  for await (const chunk of answer.body) {
    if (partial.bytes + chunk.length > most) {
      await partial.discard();
      throw new SitError("bad-file", `${job.url}: expected ${lengths(job, most)}, got more`);
    }
    await partial.append(chunk);
    job.onProgress({ receivedBytes: partial.bytes, totalBytes });
  }
  if (totalBytes !== undefined && partial.bytes < totalBytes) {
    // Whole as it is: not a file that broke off.
    const page = stated === undefined && answer.headers["content-type"]?.startsWith("text/html");
    if (page) {
      const got = `a page of HTML of ${partial.bytes} bytes`;
      await partial.discard();
      throw new SitError("bad-file", `${job.url}: expected a file of ${totalBytes} bytes, got ${got}`, {
        mend: wrongFile,
      });
    }
    throw new Interrupted(`the connection ended after ${partial.bytes} of ${totalBytes} bytes`);
  }
}

/** A length that cannot be right is refused before anything is taken. */
async function requireLength(
  job: DownloadJob,
  partial: PartialFile,
  stated: number | undefined,
): Promise<void> {
  if (stated === undefined) return;
  if (job.bytes === undefined ? stated <= job.maximumBytes : stated === job.bytes) return;
  await partial.discard();
  const got = `${job.url}: expected ${lengths(job, job.maximumBytes)}, got ${stated} bytes`;
  throw new SitError("bad-file", got, { mend: wrongFile });
}

function lengths({ bytes }: DownloadJob, most: number): string {
  return bytes === undefined ? `at most ${most} bytes` : `${bytes} bytes`;
}

function refusal(url: string, { status, headers }: Answer): Error {
  if (!passing.has(status))
    return new SitError("network", `${url}: cannot be downloaded (HTTP status ${status})`);
  const pause = retryAfter(headers["retry-after"]);
  if (pause <= longestPause) return new Interrupted(`HTTP status ${status}`, pause);
  const seconds = Math.ceil(pause / 1000);
  return new SitError("network", `${url}: HTTP status ${status}; the server asks to wait ${seconds} seconds`);
}

/** Milliseconds until the time in the header, which is in seconds from now or a date. */
function retryAfter(header: string | undefined): number {
  if (header === undefined) return 0;
  const time = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(time) ? Math.max(0, time) : 0;
}

function contentRange({ headers }: Answer): { from: number; total: number | undefined } {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"]?.trim() ?? "");
  // A range that says nothing begins nowhere, so it is not taken for what was asked for.
  if (!found) return { from: -1, total: undefined };
  return { from: Number(found[1]), total: found[2] === "*" ? undefined : Number(found[2]) };
}

function originOf(url: string, { headers }: Answer, partTotal: number | undefined): Origin {
  const length = headers["content-length"];
  const whole = headers["content-range"] === undefined && length !== undefined && /^\d+$/.test(length);
  return {
    url,
    etag: headers.etag,
    lastModified: headers["last-modified"],
    totalBytes: partTotal ?? (whole ? Number(length) : undefined),
  };
}

function changed(before: Origin | undefined, now: Origin): boolean {
  const differ = (a: unknown, b: unknown) => a !== undefined && b !== undefined && a !== b;
  return (
    differ(before?.etag, now.etag) ||
    differ(before?.lastModified, now.lastModified) ||
    differ(before?.totalBytes, now.totalBytes)
  );
}
