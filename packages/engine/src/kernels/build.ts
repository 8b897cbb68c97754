import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { compileAddon, compileObject } from "../compile.js";
import type { Host } from "../host.js";
import type { Tool } from "../tools.js";
import type { InstalledEngine } from "../types.js";
import { failurePath, kernelsPath, removeOldBuilds } from "./built.js";
import { computeSources, type InstructionSet, instructionSets, kernelSources } from "./sources.js";

/** What a build of the kernels needs of an engine that was built here. */
export type KernelHost = Pick<
  InstalledEngine,
  "directory" | "libraryDirectory" | "libraries" | "includeDirectory"
>;

/**
 * Compiles the fused kernels to `kernelsPath`, in place only when complete, for every instruction set that the
 * compiler knows. A compiler that cannot is remembered, so that not every start tries again.
 *
 * @throws SitError "engine-install" with the compiler's words
 */
export async function buildKernels(
  engine: KernelHost,
  compiler: Tool,
  host: Host,
  signal?: AbortSignal,
): Promise<string> {
  const includeDirectory = headersOf(engine);
  const { libraryDirectory } = engine;
  const target = await kernelsPath(engine, host);
  const folder = join(engine.directory, "kernels");
  const work = join(folder, `.unfinished-${process.pid}-${randomUUID()}`);
  await mkdir(work, { recursive: true });
  try {
    const sets = await knownSets(compiler, work, host, signal);
    const compute = sets.flatMap(({ name, flags }) =>
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
      flags: [
        ...["-O2", "-w", "-isystem", includeDirectory],
        ...sets.map(({ name }) => `-DSITJS_TABLES_${name.toUpperCase()}`),
      ],
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
    await rm(failurePath(target), { force: true });
    await removeOldBuilds(target);
    return target;
  } catch (error) {
    if (SitError.isInstance(error) && error.code === "engine-install") {
      await writeFile(failurePath(target), error.message);
    }
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The folder of TensorFlow's headers; throws `SitError("engine-install")` where the engine was made without. */
export function headersOf({ directory, includeDirectory }: KernelHost): string {
  if (includeDirectory !== undefined) return includeDirectory;
  throw new SitError(
    "engine-install",
    `${directory} is without TensorFlow's headers to compile with: \`sit engine install --method source\` has them`,
  );
}

/** The instruction sets that the compiler has flags and features for, tried on a file that does nothing else. */
async function knownSets(
  compiler: Tool,
  work: string,
  host: Host,
  signal: AbortSignal | undefined,
): Promise<InstructionSet[]> {
  const tried = instructionSets(host.arch).map(async (set) => {
    if (set.features.length === 0) return [set];
    const source = join(work, `${set.name}-probe.cc`);
    const asks = set.features.map((feature) => `__builtin_cpu_supports("${feature}")`).join(" && ");
    await writeFile(source, `bool supported() { return ${asks}; }\n`);
    try {
      await compileObject(compiler, source, `${source}.o`, set.flags, host, signal);
      return [set];
    } catch (error) {
      if (signal?.aborted || !SitError.isInstance(error)) throw error;
      return [];
    }
  });
  return (await Promise.all(tried)).flat();
}
