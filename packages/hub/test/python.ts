import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, type SafetensorsEntry, writeSafetensors } from "@sitjs/core";

/** A Python with timm, transformers and safetensors; tests that need it are left out without one. */
export const python = process.env.SITJS_TIMM_PYTHON;
/** What a test that needs it says of itself. */
export const withPython = python
  ? ""
  : " (left out: SITJS_TIMM_PYTHON names no Python with timm and transformers)";

const script = fileURLToPath(new URL("../../../fixtures/interop/check.py", import.meta.url));

/** What the network in a file or folder of ours gives in timm or transformers. */
export function outputsIn(
  what: "timm" | "transformers",
  path: string,
  images: SafetensorsEntry,
  scratch: string,
  options: Record<string, unknown> = {},
): Record<string, SafetensorsEntry> {
  const [input, output] = [join(scratch, "images.safetensors"), join(scratch, "outputs.safetensors")];
  writeFileSync(input, writeSafetensors({ tensors: { "in/x": images }, metadata: {} }));
  execFileSync(python as string, [script, what, path, input, output, JSON.stringify(options)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  return { ...readSafetensors(readFileSync(output)).tensors };
}
