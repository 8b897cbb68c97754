import { readdir, stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";

/** Of `savePretrained`. */
const files: readonly string[] = ["config.json", "model.safetensors", "preprocessor_config.json"];

/**
 * A folder of something else is not put away for a pretrained one.
 * @throws SitError "bad-option" naming the option
 */
export async function requireReplaceable(to: string, option: string): Promise<void> {
  const there = await stat(to).catch(() => undefined);
  if (there === undefined) return;
  const names = there.isDirectory() ? await readdir(to) : undefined;
  if (names?.every((name) => files.includes(name))) return;
  const got = names === undefined ? "a file" : "a folder with other files in it";
  throw new SitError("bad-option", `${option}: expected a new folder or a pretrained one, got ${got}: ${to}`);
}
