import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type Host, lastLines } from "./host.js";
import { downloadWheel } from "./pip.js";
import type { Wheel } from "./recipe.js";
import { findPip } from "./tools.js";
import type { InstallProgress } from "./types.js";
import { unpack } from "./unpack.js";

/** NVIDIA's wheels name an older system than TensorFlow's, each its own. */
const cudaPlatformTags = ["manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"];

/** The requirements of the wheel's extra `and-cuda`: the CUDA libraries TensorFlow loads when it starts. */
export function cudaRequirements(metadata: string): string[] {
  const requirements: string[] = [];
  for (const line of metadata.split("\n")) {
    const found = /^Requires-Dist:\s*([^;]+);(.*)$/.exec(line.trim());
    if (found?.[1] !== undefined && /extra\s*==\s*["']and-cuda["']/.test(found[2] ?? "")) {
      requirements.push(found[1].trim().replaceAll(/[()\s]/g, ""));
    }
  }
  return requirements;
}

/** Puts NVIDIA's library wheels beside TensorFlow, where its own run path looks for them. */
export async function fetchCudaLibraries(
  metadataFile: string,
  wheel: Wheel,
  downloads: string,
  target: string,
  host: Host,
  report: (progress: InstallProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const requirements = cudaRequirements(await readFile(metadataFile, "utf8"));
  if (requirements.length === 0) {
    throw new SitError(
      "engine-install",
      `${wheel.file}: expected an extra "and-cuda" in its metadata, got none`,
    );
  }
  const pip = await findPip(host);
  if (pip === undefined) {
    throw new SitError(
      "engine-install",
      `the GPU engine needs ${requirements.join(", ")}, which come through pip`,
      {
        mend: "Install python3 with pip. The CPU variant needs neither; the wasm engine still works.",
      },
    );
  }
  const platformTags = [wheel.platformTag, ...cudaPlatformTags];
  for (const [index, requirement] of requirements.entries()) {
    report({ stage: "wheel", detail: requirement, fraction: index / requirements.length });
    const folder = join(downloads, String(index));
    const result = await downloadWheel(pip, requirement, platformTags, folder, host, signal);
    if (result.code !== 0) {
      throw new SitError("network", `pip could not fetch ${requirement}: ${lastLines(result, 3)}`, {
        mend: "Check the network and pip's index. The CPU variant does not need it; the wasm engine still works.",
      });
    }
    for (const name of await readdir(folder)) {
      const wanted = (path: string) => path.startsWith("nvidia/") && /\.so(\.\d+)*$/.test(path);
      await unpack(join(folder, name), target, { wanted, signal });
    }
  }
}
