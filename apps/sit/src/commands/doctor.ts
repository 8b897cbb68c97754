import { type Diagnosis, diagnose, useEngine } from "@sitjs/engine";
import type { Run } from "../command-line/run-command.js";

/** Looks at the machine, tells which engines can be had, what to do for the others, and loads the best. */
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
    platformPackage,
    cacheDir,
    freeBytes,
    engines,
  } = found;
  const engine = await useEngine({ onNotice: () => undefined });
  const tool = (name: string, what: { version?: string } | undefined) =>
    `${name.padEnd(10)}${what === undefined ? "not found" : (what.version ?? "found")}`;
  const lines = [
    `Node      ${node} on ${platform} ${arch}`,
    `Processor ${cpu}, ${cores} cores, ${gigabytes(memoryBytes)} memory`,
    `Graphics  ${gpu === undefined ? "no NVIDIA driver answers" : gpu.name}`,
    tool("npm", npm),
    tool("compiler", compiler),
    tool("pip", pip),
    `Addons    ${addons(platformPackage, compiler !== undefined)}`,
    `Cache     ${cacheDir}${freeBytes === undefined ? "" : `, ${gigabytes(freeBytes)} free`}`,
    "",
    ...engines.flatMap(({ name, available, detail, reason, mend }) => [
      `${available ? "yes" : "no "}  ${name.padEnd(14)} ${available ? (detail ?? "") : (reason ?? "")}`,
      ...(mend === undefined ? [] : [`                    ${mend}`]),
    ]),
    "",
    `sit uses ${engine.name} unless told otherwise with --engine.`,
    engine.note,
    `Device    ${engine.device}, ${engine.cores} cores${engine.tensorflow === undefined ? "" : `, TensorFlow ${engine.tensorflow}`}`,
    `Kernels   ${engine.kernels.length === 0 ? "none, operations are composed" : engine.kernels.join(", ")}`,
  ];
  console.result({ ...found, engine }, lines);
};

/** Where the native engine's compiled parts would come from. */
function addons(shipped: Diagnosis["platformPackage"], compiles: boolean): string {
  if (shipped?.fits) return `${shipped.label}, nothing to compile`;
  const others = compiles ? "compiled here" : "no compiler: the official prebuilt, without fused kernels";
  return shipped === undefined ? `no platform package; ${others}` : `${shipped.reason}; ${others}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
