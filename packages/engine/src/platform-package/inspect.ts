import { SitError } from "@sitjs/core/errors";
import { type Host, lastLines } from "../host.js";

/** The oldest system libraries that an addon loads with. */
export interface Needs {
  glibc: string;
  libstdcxx: string;
}

/** The newest versions of glibc's and libstdc++'s symbols (`GLIBC_2.34`) in what `objdump -p` prints of addons. */
export function neededVersions(headers: string): Needs {
  const newest = (library: string): string =>
    [...headers.matchAll(new RegExp(`\\b${library}_([\\d.]+)\\b`, "g"))]
      .map(([, version = ""]) => version)
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
      .at(-1) ?? "0";
  return { glibc: newest("GLIBC"), libstdcxx: newest("GLIBCXX") };
}

/**
 * The functions with AVX instructions, in what `objdump -d -C` prints, that any processor may come to: those that are not
 * of one object file alone. Objects for different processors share one copy of such a function (inline functions,
 * instances of templates), and initialisers of an object run when it is loaded.
 */
export function sharedWideFunctions(disassembly: string): string[] {
  const shared = new Set<string>();
  let name = "";
  for (const line of disassembly.split("\n")) {
    const start = /^[0-9a-f]+ <(.*)>:$/.exec(line);
    if (start !== null) name = start[1] ?? "";
    // All instructions of AVX and later, and few others, begin with v.
    else if (/\tv[a-z]/.test(line) && !name.includes("(anonymous namespace)::")) shared.add(name);
  }
  return [...shared];
}

/** `neededVersions` of these files. */
export async function inspectNeeds(files: readonly string[], host: Host): Promise<Needs> {
  return neededVersions(await objdump(["-p", ...files], host));
}

/**
 * Looks whether an x86-64 addon with its symbols chooses among instruction sets without needing one.
 *
 * @throws SitError "engine-install" with the functions that are in the way
 */
export async function requireBaseline(file: string, host: Host): Promise<void> {
  const shared = sharedWideFunctions(await objdump(["-d", "-C", "--no-show-raw-insn", file], host));
  if (shared.length === 0) return;
  const some = shared.slice(0, 5).join(", ");
  throw new SitError(
    "engine-install",
    `${file}: expected AVX instructions in functions of one instruction set alone, got ${shared.length} others: ${some}`,
  );
}

async function objdump(args: string[], host: Host): Promise<string> {
  const result = await host.run("objdump", args);
  if (result.code === 0) return result.stdout;
  throw new SitError("engine-install", `objdump failed: ${lastLines(result, 3) || "it was not found"}`, {
    mend: "Install binutils.",
  });
}
