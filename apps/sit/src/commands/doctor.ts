import { diagnose } from "@sitjs/engine";
import type { Run } from "../command-line/run-command.js";

/** Looks at the machine and tells which engines can be had, and what to do for the others. */
export const run: Run = async (_, { console }) => {
  const found = await diagnose();
  const {
    node,
    platform,
    arch,
    cpu,
    cores,
    memoryBytes,
    npm,
    compiler,
    pip,
    gpu,
    cacheDir,
    freeBytes,
    engines,
  } = found;
  const tool = (name: string, what: { version?: string } | undefined) =>
    `${name.padEnd(10)}${what === undefined ? "not found" : (what.version ?? "found")}`;
  const lines = [
    `Node      ${node} on ${platform} ${arch}`,
    `Processor ${cpu}, ${cores} cores, ${gigabytes(memoryBytes)} memory`,
    `Graphics  ${gpu === undefined ? "no NVIDIA driver answers" : gpu.name}`,
    tool("npm", npm),
    tool("compiler", compiler),
    tool("pip", pip),
    `Cache     ${cacheDir}${freeBytes === undefined ? "" : `, ${gigabytes(freeBytes)} free`}`,
    "",
    ...engines.flatMap(({ name, available, detail, reason, mend }) => [
      `${available ? "yes" : "no "}  ${name.padEnd(14)} ${available ? (detail ?? "") : (reason ?? "")}`,
      ...(mend === undefined ? [] : [`                    ${mend}`]),
    ]),
    "",
    `sit uses ${engines.find((engine) => engine.available)?.name ?? "none of them"} unless told otherwise with --engine.`,
  ];
  console.result({ ...found }, lines);
};

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
