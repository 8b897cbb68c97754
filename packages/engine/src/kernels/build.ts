import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { compileAddon, compileObject } from "../compile.js";
import type { Host } from "../host.js";
import type { Tool } from "../tools.js";
import type { InstalledEngine } from "../types.js";
import { computeSources, instructionSets, kernelSources, kernelsKey } from "./sources.js";

/** What a build of the kernels needs of an engine that was built here. */
export type KernelHost = Pick<
  InstalledEngine,
  "directory" | "libraryDirectory" | "libraries" | "includeDirectory"
>;

/** The addon with the fused kernels of these sources, beside its engine; it is there once it has been built. */
export async function kernelsPath(engine: KernelHost, host: Host): Promise<string> {
  return join(engine.directory, "kernels", `${await kernelsKey(host.arch)}.node`);
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Why an earlier build of these sources failed; undefined where it did not. */
export async function earlierFailure(path: string): Promise<string | undefined> {
  return await readFile(`${path}.failed`, "utf8").catch(() => undefined);
}

/**
 * Compiles the fused kernels to `kernelsPath`, in place only when complete. A compiler that cannot is remembered, so
 * that not every start tries again.
 *
 * @throws SitError "engine-install" with the compiler's words
 */
export async function buildKernels(
  engine: KernelHost,
  compiler: Tool,
  host: Host,
  signal?: AbortSignal,
): Promise<string> {
  const { includeDirectory, libraryDirectory } = engine;
  const target = await kernelsPath(engine, host);
  const folder = join(engine.directory, "kernels");
  const work = join(folder, `.unfinished-${process.pid}-${randomUUID()}`);
  if (includeDirectory === undefined) {
    throw new SitError("engine-install", `${engine.directory}: expected TensorFlow's headers, got none`);
  }
  await mkdir(work, { recursive: true });
  try {
    const compute = instructionSets(host.arch).flatMap(({ name, flags }) =>
      computeSources.map((source) => ({
        object: join(work, `${name}-${source.file}.o`),
        source: join(kernelSources(), "compute", source.file),
        flags: [...source.flags, ...flags, `-DSITJS_TABLE=compute_${name}`],
      })),
    );
    const ops = {
      object: join(work, "ops.o"),
      source: join(kernelSources(), "ops", "addon.cc"),
      // TensorFlow's headers warn of themselves.
      flags: ["-O2", "-w", "-isystem", includeDirectory],
    };
    await Promise.all(
      [ops, ...compute].map(({ object, source, flags }) =>
        compileObject(compiler, source, object, ["-fvisibility=hidden", ...flags], host, signal),
      ),
    );
    const addon = join(work, "kernels.node");
    const origin = host.platform === "darwin" ? "@loader_path" : "$ORIGIN";
    await compileAddon(
      compiler,
      [
        ops.object,
        ...compute.map(({ object }) => object),
        ...engine.libraries.map((name) => join(libraryDirectory, name)),
        `-Wl,-rpath,${origin}/${relative(folder, libraryDirectory)}`,
      ],
      addon,
      host,
      signal,
    );
    await rename(addon, target);
    await rm(`${target}.failed`, { force: true });
    return target;
  } catch (error) {
    if (SitError.isInstance(error) && error.code === "engine-install") {
      await writeFile(`${target}.failed`, error.message);
    }
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
