import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";

/** Instruction sets that decide how fast matrix products are. */
const relevantFlags = [
  ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_tile"],
  ["asimd", "asimdhp", "bf16", "i8mm", "sve", "sve2"],
].flat();

/** What a reader has to know about this machine to compare numbers. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() || arch(),
    cores: availableParallelism(),
    instructions: instructionSets(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
  };
}

function instructionSets() {
  let text = "";
  try {
    text =
      platform() === "darwin"
        ? execFileSync("sysctl", ["-a", "machdep.cpu"], { encoding: "utf8" }).toLowerCase()
        : readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    // Neither Linux nor macOS: the flags stay unknown.
  }
  const words = new Set(text.split(/\s+/));
  return relevantFlags.filter((flag) => words.has(flag));
}

/** "AMD EPYC, 2 cores (avx2 …), 24 GB, linux …". */
export function machineLine({ cpu, cores, instructions, memoryGB, os }) {
  const flags = instructions.length > 0 ? ` (${instructions.join(" ")})` : "";
  return `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}${flags}, ${memoryGB} GB, ${os}`;
}
