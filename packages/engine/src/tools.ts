import type { Host } from "./host.js";

export interface Tool {
  command: string;
  version: string;
}

/** What may be a C++ compiler, in the order they are tried: `$CXX` alone where it is set. */
function compilerCommands(host: Host): string[] {
  const named = host.env.CXX?.trim();
  return named ? [named] : ["g++", "clang++", "c++"];
}

/** The first C++17 compiler of `$CXX`, g++, clang++, c++: tried by compiling, not by its version. */
export async function findCompiler(host: Host): Promise<Tool | undefined> {
  const program =
    "#include <string_view>\nint main() { if constexpr (true) return std::string_view{}.size(); }\n";
  for (const command of compilerCommands(host)) {
    // $CXX may hold flags or a launcher ("ccache g++").
    const [executable = command, ...flags] = command.split(/\s+/);
    if ((await host.findExecutable(executable)) === undefined) continue;
    const tried = await host.run(executable, [...flags, "-std=c++17", "-x", "c++", "-fsyntax-only", "-"], {
      input: program,
    });
    if (tried.code !== 0) continue;
    const asked = await host.run(executable, [...flags, "--version"]);
    return { command, version: asked.stdout.split("\n")[0]?.trim() ?? "" };
  }
  return undefined;
}

/**
 * Which compilers this machine has, without starting one: another text once one is installed, updated or removed.
 * Undefined where there is none.
 */
export async function compilerIdentity(host: Host): Promise<string | undefined> {
  const commands = compilerCommands(host);
  const found = [];
  // The compiler of "ccache g++ -m64" counts as much as its launcher.
  for (const word of commands.flatMap((command) => command.split(/\s+/))) {
    const file = await host.findExecutable(word);
    if (file !== undefined) found.push(file);
  }
  return found.length === 0 ? undefined : JSON.stringify([commands, found]);
}

/** A python with pip; `undefined` where there is none. */
export async function findPip(host: Host): Promise<Tool | undefined> {
  for (const command of ["python3", "python"]) {
    const asked = await host.run(command, ["-m", "pip", "--version"]);
    if (asked.code === 0) return { command, version: asked.stdout.trim() };
  }
  return undefined;
}

export async function findNpm(host: Host): Promise<Tool | undefined> {
  const asked = await host.run("npm", ["--version"]);
  return asked.code === 0 ? { command: "npm", version: asked.stdout.trim() } : undefined;
}

export interface Gpu {
  name: string;
  driver: string;
}

/** The first graphics card for which an NVIDIA driver answers. */
export async function findGpu(host: Host): Promise<Gpu | undefined> {
  const asked = await host.run("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]);
  const line = asked.stdout.trim().split("\n")[0] ?? "";
  if (asked.code !== 0 || line === "") return undefined;
  const [name = line, driver = ""] = line.split(",").map((part) => part.trim());
  return { name, driver };
}
