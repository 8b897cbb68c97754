import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { requireOption, SitError } from "@sitjs/core/errors";
import {
  type DownloadProgress,
  downloadBytes,
  downloadFacts,
  downloadFile,
  hashFile,
  writeFileAtomically,
} from "@sitjs/core/node";
import envPaths from "env-paths";

export interface HubOptions {
  /** A branch, tag or commit (default "main"). */
  readonly revision?: string;
  /** Where downloads are kept, in its `hub`; default `$SITJS_CACHE`, else the user's cache folder for sitjs. */
  readonly cache?: string;
  /**
   * An access token for private and gated repositories; sent to `endpoint` alone. Default: `HF_TOKEN` of the environment,
   * but where `endpoint` is given here.
   */
  readonly token?: string;
  /** The server (default `HF_ENDPOINT` of the environment, else https://huggingface.co). */
  readonly endpoint?: string;
  /** Use what is in the cache, ask nobody (default false). */
  readonly offline?: boolean;
  readonly onProgress?: (progress: DownloadProgress & { readonly file: string }) => void;
  readonly signal?: AbortSignal;
  /** Certificates (PEM) to trust instead of the usual ones, for a server of one's own. */
  readonly ca?: string;
}

/** Files that git holds itself, and not its large file storage, are small. */
const mostGitBytes = 2 ** 26;

/** Files of one revision of a repository. */
export interface HubRepository {
  /** The path of a file in the cache, downloaded where it is not there; undefined where the repository has none. */
  file(name: string): Promise<string | undefined>;
  /** The commit of the files; undefined before one was found. */
  commit(): Promise<string | undefined>;
}

export const isRepository = (name: string): boolean =>
  // Two hyphens are what the cache puts in the place of the slash; the Hub has no such names either.
  /^[\w.-]{1,96}[/][\w.-]{1,96}$/.test(name) && !/(^|[/])[.]|--/.test(name);

/**
 * A model repository of Hugging Face. The revision is asked for once, and all files come from the commit it stands for,
 * each held against its checksum: the SHA-256 of large files, git's own hash of others. A broken download is gone on with;
 * what is in the cache is held against the sum that it came with, and downloaded again where it is damaged.
 *
 * @throws SitError "bad-option"; from `file` "network", "bad-file" (offline: also for a damaged one in the cache), "missing-file" where offline and not in the cache
 */
export function openRepository(name: string, options: HubOptions = {}): HubRepository {
  const { revision = "main", offline = false, ca, signal } = options;
  const endpoint = options.endpoint ?? (process.env.HF_ENDPOINT || "https://huggingface.co");
  const token =
    options.token ?? (options.endpoint === undefined ? process.env.HF_TOKEN || undefined : undefined);
  requireOption(isRepository(name), "repository", "owner/name", name);
  const ok =
    revision.length <= 250 &&
    /^[\w.-]+([/][\w.-]+)*$/.test(revision) &&
    !/(^|[/])[.]{1,2}([/]|$)/.test(revision);
  requireOption(ok, "revision", "a branch, tag or commit", revision);
  const chosen = options.cache ?? process.env.SITJS_CACHE;
  const root = chosen ? resolve(chosen) : envPaths("sitjs", { suffix: "" }).cache;
  const folder = join(root, "hub", `models--${name.replace("/", "--")}`);
  const reference = join(folder, "refs", ...revision.split("/"));
  const server = { token, ca, signal };
  let commit: string | undefined;

  requireOption(
    /^https:[/][/]/i.test(endpoint) && URL.canParse(endpoint),
    options.endpoint === undefined ? "HF_ENDPOINT" : "endpoint",
    "an https:// address",
    endpoint,
  );

  const path = (of: string, file: string) => join(folder, "snapshots", of, ...file.split("/"));
  /** Where the checksum of a file is kept that it had when it came. */
  const sumPath = (of: string, file: string) => join(folder, "sums", of, ...file.split("/"));
  const whole = new Set<string>();
  /** Whether a file is there as it came: a disk may have damaged it since. Looked at once. */
  const isWhole = async (of: string, file: string): Promise<boolean> => {
    const at = path(of, file);
    if (whole.has(at)) return true;
    const mark = (await readFile(sumPath(of, file), "utf8").catch(() => "")).trim();
    const same = (await isFile(at)) && mark !== "" && (await sumOf(at, mark, signal)) === mark;
    if (same) whole.add(at);
    return same;
  };
  const address = (of: string, file: string) =>
    `${endpoint}/${name}/resolve/${encodeURIComponent(of)}/${file.split("/").map(encodeURIComponent).join("/")}`;

  const lastKnown = async (): Promise<string> =>
    isCommit(revision) ? revision : (await readFile(reference, "utf8").catch(() => "")).trim();
  const cached = async (file: string): Promise<string | undefined> => {
    const known = await lastKnown();
    const found = isCommit(known) ? path(known, file) : undefined;
    if (found === undefined || !(await isFile(found))) return undefined;
    if (await isWhole(known, file)) return found;
    const expected = "expected the file as it was downloaded, got a damaged one";
    throw new SitError("bad-file", `${found}: ${expected}`, { mend: "Online it is downloaded again." });
  };

  return {
    async file(file) {
      if (offline) {
        const found = await cached(file);
        if (found !== undefined) return found;
        if (await cached("config.json")) return undefined;
        throw new SitError("missing-file", `${name}: expected revision ${revision} in the cache ${folder}`);
      }
      // A commit's files never change: what is there is right, and nobody need be asked.
      const at = commit ?? (isCommit(revision) ? revision : undefined);
      if (at !== undefined && (await isWhole(at, file))) return path(at, file);
      const url = address(at ?? revision, file);
      const { status, headers } = await downloadFacts({ url, ...server });
      if (status === 404 && headers["x-error-code"] !== "RepoNotFound") return undefined;
      if (status >= 400) throw refused(name, url, status, token);
      const named = headers["x-repo-commit"] ?? "";
      if (!isCommit(named) || (at !== undefined && at !== named)) {
        throw new SitError(
          "network",
          `${url}: expected the commit ${at ?? "of the revision"} in x-repo-commit`,
        );
      }
      commit = named;
      const to = path(named, file);
      if (!(await isWhole(named, file))) {
        const mark = await fetchFile(address(named, file), to, file, headers);
        await writeFileAtomically(sumPath(named, file), `${mark}\n`);
      }
      if (!isCommit(revision)) await writeFileAtomically(reference, `${named}\n`);
      return to;
    },
    async commit() {
      const known = commit ?? (await lastKnown());
      return isCommit(known) ? known : undefined;
    },
  };

  async function fetchFile(
    url: string,
    to: string,
    file: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string> {
    const mark = unquoted(headers["x-linked-etag"] ?? headers.etag ?? "");
    const bytes = Number(headers["x-linked-size"] ?? headers["content-length"] ?? Number.NaN);
    if (/^[0-9a-f]{64}$/.test(mark)) {
      if (!Number.isSafeInteger(bytes)) throw new SitError("network", `${url}: expected the file's length`);
      const onProgress =
        options.onProgress && ((each: DownloadProgress) => options.onProgress?.({ ...each, file }));
      await downloadFile({ url, to, sha256: mark, bytes, ...server, onProgress });
      return mark;
    }
    if (!/^[0-9a-f]{40}$/.test(mark)) {
      throw new SitError("network", `${url}: expected a checksum in x-linked-etag or etag, got neither`);
    }
    const content = await downloadBytes({ url, maximumBytes: mostGitBytes, ...server });
    const sum = gitHash(content.length).update(content).digest("hex");
    if (sum !== mark)
      throw new SitError("bad-file", `${url}: expected a file of git hash ${mark}, got ${sum}`);
    await writeFileAtomically(to, content);
    return mark;
  }
}

/** Git names a file by a hash of its length and its bytes. */
const gitHash = (bytes: number) => createHash("sha1").update(`blob ${bytes}\0`);

/** The sum of a file, of the kind that the given one is of. */
async function sumOf(file: string, mark: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = mark.length === 64 ? createHash("sha256") : gitHash((await stat(file)).size);
  return (await hashFile(file, hash, signal)).digest("hex");
}

function refused(name: string, url: string, status: number, token: string | undefined): SitError {
  const mend =
    status === 401 || status === 403 || status === 404
      ? `Is ${name} the name? ${token ? "May the token read it?" : "A private or gated one needs a token (HF_TOKEN)."}`
      : undefined;
  return new SitError("network", `${url}: cannot be downloaded (HTTP status ${status})`, { mend });
}

const isCommit = (text: string) => /^[0-9a-f]{40}$/.test(text);
const unquoted = (mark: string) => mark.replace(/^(W\/)?"(.*)"$/, "$2");
const isFile = async (path: string) => (await stat(path).catch(() => undefined))?.isFile() === true;
