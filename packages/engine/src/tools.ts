import type { Host } from "./host.js";

export interface Tool {
  command: string;
  version: string;
}

/** The first C++17 compiler of `$CXX`, g++, clang++, c++: tried by compiling, not by its version. */
export async function findCompiler(host: Host): Promise<Tool | undefined> {
  const named = host.env.CXX?.trim();
  const candidates = named ? [named] : ["g++", "clang++", "c++"];
  const program =
    "#include <string_view>\nint main() { if constexpr (true) return std::string_view{}.size(); }\n";
  for (const command of candidates) {
    // $CXX may hold flags or a launcher ("ccache g++").
    const [executable = command, ...flags] = command.split(/\s+/);
    const tried = await host.run(executable, [...flags, "-std=c++17", "-x", "c++", "-fsyntax-only", "-"], {
      input: program,
    });
    if (tried.code !== 0) continue;
    const asked = await host.run(executable, [...flags, "--version"]);
    return { command, version: asked.stdout.split("\n")[0]?.trim() ?? "" };
  }
  return undefined;
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
