import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SitError } from "../../errors.js";
import { makeFolder } from "../flush.js";
import { hashFile } from "../hash-file.js";
import { withLock } from "../lock.js";
import { openClient, reason } from "./client.js";
import { checkDownload, type DownloadJob, type DownloadOptions } from "./options.js";
import { openPartial, type PartialFile } from "./partial.js";
import { Interrupted, receive, wrongFile } from "./receive.js";

/** So much more of the file between two broken connections, and the count of tries begins anew. */
const progressBytes = 2 ** 20;
const longestPause = 30_000;

/** A connection that was there and broke. */
const broken = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);
/** No way to the server: tried again only where there was one a moment ago. */
const unreachable = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Downloads a file by HTTPS, checks its sum, and puts it in its place, which holds the whole file or what was there
 * before. Nothing is fetched where it is already there with that sum. What a broken or killed download leaves beside
 * the place (`.partial`) is gone on with by the next one, where the server can and the file is the same. Of two
 * processes that want the same file one waits for the other. The file is never held in memory.
 *
 * Proxies come from `HTTPS_PROXY` and `NO_PROXY`, further certificates from `NODE_EXTRA_CA_CERTS`; certificates are
 * checked whatever `NODE_TLS_REJECT_UNAUTHORIZED` says. The bytes are kept as they were sent, undecoded.
 *
 * @throws SitError "bad-option"; "network" where the server cannot be reached, refuses, redirects to another protocol
 * or breaks off too often; "bad-file" for a wrong length or sum, the file then removed; "disk"; "aborted"
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const job = checkDownload(options);
  try {
    await makeFolder(dirname(job.to));
    await withLock(`${job.to}.lock`, (signal) => downloadAlone(job, signal), {
      signal: options.signal,
      staleMilliseconds: 5000,
      named: job.to,
    });
  } catch (error) {
    if (options.signal?.aborted) throw new SitError("aborted", `${job.url}: the download was cancelled`);
    if (SitError.isInstance(error)) throw error;
    throw new SitError("disk", `${job.to}: cannot be written (${reason(error)})`, { cause: error });
  }
}

async function downloadAlone(job: DownloadJob, signal: AbortSignal): Promise<void> {
  if (await isThere(job, signal)) return;
  const partial = await openPartial(job.to, job.url, job.algorithm, signal);
  try {
    await tryUntilWhole(job, partial, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await partial.close();
  }
}

async function tryUntilWhole(job: DownloadJob, partial: PartialFile, signal: AbortSignal): Promise<void> {
  const client = await openClient(job);
  let answered = false;
  let startedOver = false;
  try {
    for (let failures = 0; ; ) {
      const before = partial.bytes;
      try {
        const { whole } = await receive(job, partial, client, signal);
        if (partial.sum() === job.sum) return await partial.finish();
        const got = `${job.url}: expected a file with ${job.algorithm} ${job.sum}, got ${partial.sum()}`;
        await partial.discard();
        // Pieces of two files may have met: one try in one piece tells.
        if (whole || startedOver) throw new SitError("bad-file", got, { mend: wrongFile });
        startedOver = true;
      } catch (error) {
        const interrupted = signal.aborted ? error : asInterrupted(error, answered, job);
        if (!(interrupted instanceof Interrupted)) throw interrupted;
        answered ||= !unreachable.has(codeOf(error));
        failures = partial.bytes - before >= progressBytes ? 1 : failures + 1;
        if (failures >= job.tries) throw givenUp(job, partial, interrupted);
        const pause = Math.min(job.pause * 2 ** (failures - 1), longestPause);
        await delay(Math.max(pause, interrupted.pause), undefined, { signal });
      }
    }
  } finally {
    await client.close();
  }
}

/** What a try threw, as an interruption where another try may help, else as the error to end with. */
function asInterrupted(error: unknown, answered: boolean, job: DownloadJob): unknown {
  if (error instanceof Interrupted || SitError.isInstance(error)) return error;
  const code = codeOf(error);
  if (code.endsWith("_TIMEOUT") && code !== "UND_ERR_CONNECT_TIMEOUT") {
    return new Interrupted(`no data for ${job.patience / 1000} seconds`);
  }
  // Node's HTTP parser names its errors so: what came is not HTTP.
  if (broken.has(code) || code.startsWith("HPE_") || (answered && unreachable.has(code))) {
    return new Interrupted(reason(error));
  }
  return new SitError("network", `${job.url}: cannot be downloaded (${reason(error)})`, { cause: error });
}

function givenUp(job: DownloadJob, partial: PartialFile, cause: Interrupted): SitError {
  const tries = job.tries === 1 ? "1 try" : `${job.tries} tries`;
  const mend = partial.bytes > 0 ? "Try again later: it goes on where it stopped." : "Try again later.";
  return new SitError("network", `${job.url}: cannot be downloaded (${cause.message}; ${tries})`, {
    mend,
    cause,
  });
}

async function isThere({ to, algorithm, sum, bytes }: DownloadJob, signal: AbortSignal): Promise<boolean> {
  const found = await stat(to).catch(() => undefined);
  if (!found?.isFile() || (bytes !== undefined && found.size !== bytes)) return false;
  return (await hashFile(to, createHash(algorithm), signal)).digest("hex") === sum;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : "";
}
