import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type Host, lastLines } from "./host.js";
import { bindingPath } from "./shims.js";
import type { Tool } from "./tools.js";

export interface CompileOptions {
  compiler: Tool;
  packageDirectory: string;
  includeDirectory: string;
  libraryDirectory: string;
  libraries: string[];
}

/** The compiler's arguments for the addon: Node-API 8, which every Node this package runs on has. */
export function compileArguments(options: CompileOptions, platform: string): string[] {
  const { packageDirectory, libraryDirectory } = options;
  const output = bindingPath(packageDirectory);
  const fromAddon = relative(join(output, ".."), libraryDirectory);
  const origin = platform === "darwin" ? "@loader_path" : "$ORIGIN";
  return [
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-DNAPI_VERSION=8",
    ...(platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"]),
    join(packageDirectory, "binding", "tfjs_backend.cc"),
    join(packageDirectory, "binding", "tfjs_binding.cc"),
    "-I",
    join(dirname(createRequire(import.meta.url).resolve("node-api-headers")), "include"),
    "-I",
    options.includeDirectory,
    ...options.libraries.map((name) => join(libraryDirectory, name)),
    `-Wl,-rpath,${origin}/${fromAddon}`,
    "-o",
    output,
  ];
}

/** Compiles tfjs-node's addon against TensorFlow; throws `SitError("engine-install")` with the compiler's words. */
export async function compileBinding(
  options: CompileOptions,
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  const [executable = options.compiler.command, ...flags] = options.compiler.command.split(/\s+/);
  const result = await host.run(executable, [...flags, ...compileArguments(options, host.platform)], {
    signal,
  });
  if (result.code === 0) return;
  throw new SitError(
    "engine-install",
    `${options.compiler.command} (${options.compiler.version}) could not compile the engine's addon:\n${lastLines(result, 12)}`,
    {
      mend: "Try another compiler with CXX=clang++ (or g++), or the official prebuilt. The wasm engine still works.",
    },
  );
}
