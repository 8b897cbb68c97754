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

const here = createRequire(import.meta.url);

/** Every Node that this package runs on has it. */
export const nodeApiVersion = 8;

/** What every addon is compiled with. */
function addonArguments(platform: string): string[] {
  return [
    "-std=c++17",
    "-O2",
    "-fPIC",
    `-DNAPI_VERSION=${nodeApiVersion}`,
    ...(platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"]),
    "-I",
    join(dirname(here.resolve("node-api-headers")), "include"),
  ];
}

/** The compiler's arguments for tfjs-node's addon, which finds TensorFlow from where it lies itself. */
export function bindingArguments(options: CompileOptions, platform: string): string[] {
  const { packageDirectory, libraryDirectory } = options;
  const output = bindingPath(packageDirectory);
  const fromAddon = relative(dirname(output), libraryDirectory);
  const origin = platform === "darwin" ? "@loader_path" : "$ORIGIN";
  return [
    ...addonArguments(platform),
    "-I",
    options.includeDirectory,
    join(packageDirectory, "binding", "tfjs_backend.cc"),
    join(packageDirectory, "binding", "tfjs_binding.cc"),
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
  await compile(options.compiler, bindingArguments(options, host.platform), host, signal);
}

/** Compiles the small addon that loads TensorFlow without its greeting, to `output`. */
export async function compileQuiet(
  compiler: Tool,
  output: string,
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  const source = join(dirname(here.resolve("@sitjs/engine/package.json")), "native", "quiet.cc");
  const links = host.platform === "linux" ? ["-ldl"] : [];
  await compile(compiler, [...addonArguments(host.platform), source, ...links, "-o", output], host, signal);
}

/** Compiles one C++ source of an addon to an object file. */
export async function compileObject(
  compiler: Tool,
  source: string,
  object: string,
  flags: readonly string[],
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  const headers = ["-I", join(dirname(here.resolve("node-api-headers")), "include")];
  const args = [
    "-std=c++17",
    "-fPIC",
    `-DNAPI_VERSION=${nodeApiVersion}`,
    ...headers,
    ...flags,
    "-c",
    source,
    "-o",
    object,
  ];
  await compile(compiler, args, host, signal);
}

/** Links objects and libraries to an addon. */
export async function compileAddon(
  compiler: Tool,
  inputs: readonly string[],
  output: string,
  host: Host,
  signal?: AbortSignal,
): Promise<void> {
  await compile(compiler, [...addonArguments(host.platform), ...inputs, "-o", output], host, signal);
}

async function compile(compiler: Tool, args: string[], host: Host, signal?: AbortSignal): Promise<void> {
  const [executable = compiler.command, ...flags] = compiler.command.split(/\s+/);
  const result = await host.run(executable, [...flags, ...args], { signal });
  if (result.code === 0) return;
  throw new SitError(
    "engine-install",
    `${compiler.command} (${compiler.version}) could not compile the engine's addon:\n${lastLines(result, 12)}`,
    {
      mend: "Try another compiler with CXX=clang++ (or g++), or the official prebuilt. The wasm engine still works.",
    },
  );
}
