import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type Host, lastLines } from "./host.js";
import type { NpmPackage } from "./recipe.js";
import { bindingPath } from "./shims.js";

const unreachable =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|getaddrinfo|tunneling|status(Code)?[: ]+\d{3}/i;

/**
 * Installs the official package into `directory` with its own install script, which downloads TensorFlow and the
 * addon from Google's storage. Throws `SitError("network")` where that host is out of reach.
 */
export async function installOfficial(
  wanted: NpmPackage,
  directory: string,
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  const spec = `${wanted.name}@${wanted.version}`;
  await writeFile(join(directory, "package.json"), '{ "private": true }\n');
  // The folder is not among the arguments: on Windows these go through a shell.
  const args = ["install", spec, "--prefix=.", "--ignore-scripts=false", "--no-audit", "--no-fund"];
  const result = await host.run("npm", args, { cwd: directory, signal });
  // The install script ends well even where it has put no addon.
  const addon = bindingPath(join(directory, "node_modules", wanted.name));
  if (result.code === 0 && existsSync(addon)) return;
  const said = result.code === 0 ? `it left no ${addon}` : lastLines(result, 12);
  const mend = "Install a C++17 compiler and build from source instead. The wasm engine still works.";
  const printed = result.stdout + result.stderr;
  const why = unreachable.exec(printed)?.[0];
  if (why !== undefined) {
    const server = /hostname: '([^']+)'/.exec(printed)?.[1];
    const reason = server === undefined ? said : `${why} ${server}`;
    throw new SitError("network", `the official prebuilt of ${spec} could not be downloaded: ${reason}`, {
      mend,
    });
  }
  throw new SitError("engine-install", `the install script of ${spec} failed:\n${said}`, { mend });
}
