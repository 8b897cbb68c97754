import { requireOption, SitError } from "../../errors.js";
import { authorization, type Client, isSecure, openClient, reason } from "./client.js";
import { requireToken } from "./options.js";
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
  /** A bearer token for a server that wants one; never sent to another one that it redirects to. */
  readonly token?: string | undefined;
}

/**
 * Reads a short text by HTTPS, under the same rules as `downloadFile`, but without a checksum and in one try: for an
 * index that tells where a file with a checksum is.
 * @throws SitError "bad-option", "network", "bad-file" for more than was allowed, "aborted"
 */
export async function downloadText(options: DownloadTextOptions): Promise<string> {
  return Buffer.from(await downloadBytes(options)).toString("utf8");
}

/** The bytes of a short file, under the same rules as `downloadText`. Throws as it does. */
export async function downloadBytes(options: DownloadTextOptions): Promise<Uint8Array> {
  const { url, maximumBytes } = options;
  return asking(options, async (client, headers, signal) => {
    const { status, body } = await client.get(url, headers, signal);
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
    return Buffer.concat(parts);
  });
}

/** What a server says of a file without sending it. */
export interface DownloadFacts {
  readonly status: number;
  /** By lower-case name; of several of one name the first. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks a server for what it says of a file (HEAD). Redirects within the server are followed; of one that leads elsewhere
 * the headers are those of the answer that redirects.
 * @throws SitError "bad-option", "network", "aborted"; no status is an error here
 */
export async function downloadFacts(
  options: Omit<DownloadTextOptions, "maximumBytes">,
): Promise<DownloadFacts> {
  return asking(options, async (client, asked, signal) => {
    const answer = await client.head(options.url, asked, signal);
    answer.drop();
    const headers: Record<string, string> = Object.create(null);
    for (const [name, value] of Object.entries(answer.headers)) {
      const first = Array.isArray(value) ? value[0] : value;
      if (first !== undefined) headers[name.toLowerCase()] = first;
    }
    return { status: answer.status, headers };
  });
}

async function asking<T>(
  options: Omit<DownloadTextOptions, "maximumBytes">,
  work: (client: Client, headers: Record<string, string>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { url, patienceMilliseconds: patience = 30_000, ca, token } = options;
  requireOption(isSecure(url), "url", "an https:// address without a password", url);
  requireToken(token);
  const signal = options.signal ?? new AbortController().signal;
  const client = await openClient({ patience, ca });
  try {
    signal.throwIfAborted();
    return await work(client, { ...greeting, ...authorization(token) }, signal);
  } catch (error) {
    if (signal.aborted) throw new SitError("aborted", `${url}: the download was cancelled`);
    if (SitError.isInstance(error)) throw error;
    throw new SitError("network", `${url}: cannot be read (${reason(error)})`, { cause: error });
  } finally {
    await client.close();
  }
}
