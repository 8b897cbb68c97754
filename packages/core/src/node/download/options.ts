import { requireOption } from "../../errors.js";
import { isSecure, isToken } from "./client.js";
import type { SumName } from "./partial.js";

export interface DownloadProgress {
  /** Bytes of the file that are there, those of earlier tries counted. */
  readonly receivedBytes: number;
  /** Length of the file; undefined where neither the caller nor the server says. */
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  /** An `https://` address. */
  readonly url: string;
  /** Where the file is to be; its folder is made. */
  readonly to: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256?: string | undefined;
  /** MD5 of the file, in hex, for files whose makers publish no better sum. One of the two sums must be given. */
  readonly md5?: string | undefined;
  /** Length of the file in bytes, where it is known. */
  readonly bytes?: number | undefined;
  /** The most that is taken, whatever the server says; wanted where `bytes` is not given. */
  readonly maximumBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** No answer or no further data for so long is a broken connection; default 30,000. */
  readonly patienceMilliseconds?: number | undefined;
  /** Broken connections in a row, without 1 MiB between them, before it gives up; default 5. */
  readonly tries?: number | undefined;
  /** Pause before the second try, doubled before each further one up to 30 seconds; default 1,000. */
  readonly pauseMilliseconds?: number | undefined;
  /** Certificates (PEM) to trust instead of the usual ones, for a server of one's own. */
  readonly ca?: string | undefined;
  /** A bearer token for a server that wants one; never sent to another one that it redirects to. */
  readonly token?: string | undefined;
}

/** The options with their defaults. */
export interface DownloadJob {
  readonly url: string;
  readonly to: string;
  readonly algorithm: SumName;
  readonly sum: string;
  readonly bytes: number | undefined;
  readonly maximumBytes: number;
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly patience: number;
  readonly tries: number;
  readonly pause: number;
  readonly ca: string | undefined;
  readonly token: string | undefined;
}

/** Throws `SitError("bad-option")` for what cannot be meant. */
export function checkDownload(options: DownloadOptions): DownloadJob {
  const { url, to, sha256, md5, bytes, maximumBytes } = options;
  const { patienceMilliseconds = 30_000, tries = 5, pauseMilliseconds = 1000 } = options;
  requireOption(isSecure(url), "url", "an https:// address without a password", url);
  requireOption(to !== "", "to", "a file", to);
  requireOption(sha256 === undefined || isHex(sha256, 64), "sha256", "64 hexadecimal digits", sha256);
  requireOption(md5 === undefined || isHex(md5, 32), "md5", "32 hexadecimal digits", md5);
  const sum = sha256 ?? md5;
  requireOption(sum !== undefined, "sha256", "a checksum, here or in md5", sha256);
  requireOption(sha256 === undefined || md5 === undefined, "md5", "none beside sha256", md5);
  requireOption(bytes === undefined || isCount(bytes), "bytes", "a whole number of bytes", bytes);
  const maximum = maximumBytes ?? bytes;
  requireOption(
    maximum !== undefined && isCount(maximum),
    "maximumBytes",
    "a whole number of bytes",
    maximum,
  );
  requireOption(patienceMilliseconds > 0, "patienceMilliseconds", "a time above 0", patienceMilliseconds);
  requireToken(options.token);
  requireOption(Number.isInteger(tries) && tries > 0, "tries", "a whole number above 0", tries);
  requireOption(pauseMilliseconds >= 0, "pauseMilliseconds", "a time", pauseMilliseconds);
  return {
    url,
    to,
    algorithm: sha256 === undefined ? "md5" : "sha256",
    sum: sum.toLowerCase(),
    bytes,
    maximumBytes: Math.min(maximum, bytes ?? maximum),
    onProgress: options.onProgress ?? (() => undefined),
    patience: patienceMilliseconds,
    tries,
    pause: pauseMilliseconds,
    ca: options.ca,
    token: options.token,
  };
}

const isHex = (text: string, digits: number) => text.length === digits && /^[0-9a-f]+$/i.test(text);
const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** The token itself is not shown. */
export function requireToken(token: string | undefined): void {
  requireOption(
    token === undefined || isToken(token),
    "token",
    "printable characters without spaces",
    "others",
  );
}
