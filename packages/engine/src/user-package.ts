import { access, readFile } from "node:fs/promises";
import nodeModule, { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { SitError } from "@sitjs/core/errors";
import { bindingPath, writeUtilShim } from "./shims.js";

/** A `@tensorflow/tfjs-node(-gpu)` that the user installed himself. */
export interface UserPackage {
  name: string;
  version: string;
  packageDirectory: string;
  /** Whether its addon is there: without it the package cannot load. */
  complete: boolean;
}

/** Finds the package from the working directory, then from this package. */
export async function findUserPackage(name: string): Promise<UserPackage | undefined> {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    let manifest: string;
    try {
      manifest = createRequire(from).resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    const packageDirectory = dirname(manifest);
    const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
    const complete = await access(bindingPath(packageDirectory)).then(
      () => true,
      () => false,
    );
    return { name, version, packageDirectory, complete };
  }
  return undefined;
}

interface ResolveContext {
  parentURL?: string;
}
type Resolved = { url: string; format?: string; shortCircuit?: boolean };
type Resolve = (specifier: string, context: ResolveContext) => Resolved;
type RegisterHooks = (hooks: {
  resolve: (specifier: string, context: ResolveContext, next: Resolve) => Resolved;
}) => unknown;

/**
 * Gives the files of one package a `util` that has what Node 23 removed; `node:util` stays as it is for all
 * others. Does nothing where `util` still has it.
 */
export async function restoreUtilFor(packageDirectory: string, shimFolder: string): Promise<void> {
  const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
  if (typeof util.isNullOrUndefined === "function") return;
  const { registerHooks } = nodeModule as unknown as { registerHooks?: RegisterHooks };
  if (registerHooks === undefined) {
    throw new SitError(
      "engine-unavailable",
      `${packageDirectory}: @tensorflow/tfjs-node calls functions that Node ${process.versions.node} has removed`,
      { mend: "Run `sit engine install` for an engine that works on every Node, or use Node 22 or 24." },
    );
  }
  const shim = pathToFileURL(await writeUtilShim(shimFolder)).href;
  const inside = pathToFileURL(packageDirectory + sep).href;
  registerHooks({
    resolve(specifier, context, next) {
      const isUtil = specifier === "util" || specifier === "node:util";
      if (!isUtil || !context.parentURL?.startsWith(inside)) return next(specifier, context);
      return { url: shim, format: "commonjs", shortCircuit: true };
    },
  });
}
