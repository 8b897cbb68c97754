import { SitError } from "@sitjs/core/errors";
import { reason } from "../decode.js";
import { uncompress } from "../idx-dataset.js";
import {
  type FashionMnistSplit,
  officialFiles,
  type PinnedFile,
  requireChecksum,
  type SplitBytes,
  type SplitFiles,
} from "./files.js";

/** The authors' repository. Their own site serves the same files, but over plain HTTP only. */
export const siteAddress =
  "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion";

/** Compressed size of the four files in bytes, for notices. */
export const siteBytes = 30_878_645;

/** No answer, or no further data, for this long means that the site is out of reach. */
const patience = 15_000;

export interface Download {
  /** What is being fetched. */
  readonly file: string;
  readonly receivedBytes: number;
  /** Undefined where the server does not say. */
  readonly totalBytes: number | undefined;
}

/**
 * Downloads both splits from the official repository and checks the sums. Both at once: a training set from here and
 * a test set from another source could have images in common.
 * @throws SitError "network" where the site does not answer, "bad-file" where it sends something else.
 */
export async function downloadFromSite(
  onProgress: (progress: Download) => void,
): Promise<Record<FashionMnistSplit, SplitBytes>> {
  // The smallest file first: it shows whether the site is there.
  const test = await downloadSplit(officialFiles.test, onProgress);
  return { test, train: await downloadSplit(officialFiles.train, onProgress) };
}

async function downloadSplit(
  files: SplitFiles,
  onProgress: (progress: Download) => void,
): Promise<SplitBytes> {
  const labels = await downloadPinned(files.labels, onProgress);
  return { images: await downloadPinned(files.images, onProgress), labels };
}

async function downloadPinned(
  pinned: PinnedFile,
  onProgress: (progress: Download) => void,
): Promise<Uint8Array> {
  const address = `${siteAddress}/${pinned.name}.gz`;
  const content = await uncompress(await download(address, `${pinned.name}.gz`, onProgress), address);
  requireChecksum(content, pinned, address);
  return content;
}

async function download(
  address: string,
  file: string,
  onProgress: (progress: Download) => void,
): Promise<Uint8Array> {
  const stop = new AbortController();
  const giveUp = () => stop.abort(new Error(`no data for ${patience / 1000} seconds`));
  let timer = setTimeout(giveUp, patience);
  try {
    const response = await fetch(address, { signal: stop.signal });
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    const stated = Number(response.headers.get("content-length"));
    const totalBytes = stated > 0 ? stated : undefined;
    const parts: Uint8Array[] = [];
    let receivedBytes = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, patience);
      parts.push(part);
      receivedBytes += part.length;
      onProgress({ file, receivedBytes, totalBytes });
    }
    return Buffer.concat(parts);
  } catch (error) {
    // fetch says only "fetch failed"; the cause has the host and the reason.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new SitError("network", `${address}: cannot be downloaded (${reason(cause)})`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
