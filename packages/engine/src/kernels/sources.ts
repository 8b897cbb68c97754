import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Where the C++ sources of the fused kernels lie, in the checkout and in the published package. */
export const kernelSources = (): string =>
  // By the package's own name, so that a program which was bundled into one file finds them too.
  join(dirname(createRequire(import.meta.url).resolve("@sitjs/engine/package.json")), "kernels");

export interface InstructionSet {
  /** Of the object file, and of the table in it: `compute_<name>`. */
  readonly name: string;
  readonly flags: readonly string[];
  /**
   * Features of the processor by which the addon chooses it, as `__builtin_cpu_supports` names them. A compiler that
   * does not know flags or features goes without this one; only the base has none, which any compiler knows.
   */
  readonly features: readonly string[];
}

/** What the computing code is compiled for; the addon takes the best one the processor has when it is loaded. */
export function instructionSets(arch: string): readonly InstructionSet[] {
  const base: InstructionSet = { name: "base", flags: [], features: [] };
  if (arch !== "x64") return [base];
  const avx2 = ["avx2", "fma"];
  const avx512 = [...avx2, "avx512f", "avx512dq", "avx512bw", "avx512vl"];
  const bfloat16 = [...avx512, "avx512bf16"];
  const flags = (features: readonly string[]) => features.map((feature) => `-m${feature}`);
  const wide = "-mprefer-vector-width=512";
  return [
    base,
    { name: "avx2", flags: flags(avx2), features: avx2 },
    { name: "avx512", flags: [...flags(avx512), wide], features: avx512 },
    { name: "avx512bf16", flags: [...flags(bfloat16), wide], features: bfloat16 },
  ];
}

/**
 * Flags of the computing code. Sums may be reordered only where the source says so, and products may join additions;
 * NaN and infinity keep their meaning.
 */
export const computeFlags: readonly string[] = [
  "-O3",
  "-fopenmp-simd",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
];

/** The files compiled once per instruction set, with their flags: what must give the same bits everywhere by itself. */
export const computeSources: readonly { readonly file: string; readonly flags: readonly string[] }[] = [
  { file: "compute.cc", flags: computeFlags },
  { file: "random.cc", flags: [...computeFlags, "-ffp-contract=off"] },
];

/** A name for these sources and flags: what they were compiled to is good until it changes. */
export async function kernelsKey(arch: string, sources = kernelSources()): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([computeSources, instructionSets(arch)]));
  for (const folder of ["compute", "ops"]) {
    for (const file of (await readdir(join(sources, folder))).sort()) {
      hash.update(`${folder}/${file}\n`).update(await readFile(join(sources, folder, file)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}
