import { requireOption, SitError } from "../../errors.js";
import { isSecure, openClient, reason } from "./client.js";
import { greeting } from "./receive.js";

export interface DownloadTextOptions {
  /** An `https://` address. */
  readonly url: string;
  /** The most that is taken, whatever the server says. */
  readonly maximumBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** No answer or no further data for so long is an error; default 30,000. */
  readonly patienceMilliseconds?: number | undefined;
  /** Certificates (PEM) to trust instead of the usual ones, for a server of one's own. */
  readonly ca?: string | undefined;
}

/**
 * Reads a short text by HTTPS, under the same rules as `downloadFile`, but without a checksum and in one try: for an
 * index that tells where a file with a checksum is.
 * @throws SitError "bad-option", "network", "bad-file" for more than was allowed, "aborted"
 */
export async function downloadText(options: DownloadTextOptions): Promise<string> {
  const { url, maximumBytes, patienceMilliseconds: patience = 30_000, ca } = options;
  requireOption(isSecure(url), "url", "an https:// address without a password", url);
  const signal = options.signal ?? new AbortController().signal;
  const client = await openClient({ patience, ca });
  try {
    signal.throwIfAborted();
    const { status, body } = await client.get(url, greeting, signal);
    if (status !== 200) throw new SitError("network", `${url}: cannot be read (HTTP status ${status})`);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of body) {
      bytes += part.length;
      if (bytes > maximumBytes) {
        throw new SitError("bad-file", `${url}: expected at most ${maximumBytes} bytes, got more`);
      }
      parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
  } catch (error) {
    if (signal.aborted) throw new SitError("aborted", `${url}: the download was cancelled`);
    if (SitError.isInstance(error)) throw error;
    throw new SitError("network", `${url}: cannot be read (${reason(error)})`, { cause: error });
  } finally {
    await client.close();
  }
}
