import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core";
import { stageFolder } from "@sitjs/core/node";
import { completeOptions } from "@sitjs/vit";
import { type FolderOptions, folderConfigs } from "../configs.js";
import { exportOnnx } from "../export-onnx.js";

/**
 * Writes a folder that the pipelines of transformers.js open, "image-classification" with a head and else
 * "image-feature-extraction": `onnx/model.onnx`, `config.json` and `preprocessor_config.json`. The folder is there
 * whole or not at all; one of an earlier export is replaced.
 *
 * Without `output`, a network without a head gives an embedding. One of a single channel takes colour images (see
 * `inputChannels`), since transformers.js makes all images such.
 *
 * @returns the folder's files
 * @throws SitError as `exportOnnx`; "bad-option" for a folder that holds something else; "disk"
 */
export async function exportOnnxFolder(folder: string, options: FolderOptions): Promise<readonly string[]> {
  await requireNewFolder(folder);
  const { head, output = head ? "logits" : "embedding" } = options;
  const { channels } = completeOptions(options.backbone);
  const { inputChannels = channels === 1 ? 3 : channels } = options;
  const complete = { ...options, output, inputChannels };
  const { config, preprocessor } = folderConfigs(complete);
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const files = {
    "config.json": json(config),
    "preprocessor_config.json": json(preprocessor),
    "onnx/model.onnx": await exportOnnx(complete),
  };
  const staged = await stageFolder(folder);
  try {
    for (const [name, content] of Object.entries(files)) {
      await staged.write(name, content);
    }
    await staged.commit();
  } finally {
    await staged.discard();
  }
  return Object.keys(files).map((name) => join(folder, name));
}

const ours: readonly string[] = ["config.json", "onnx", "preprocessor_config.json"];

/**
 * Throws unless the folder is not there yet, is empty, or holds what an earlier export has written and nothing else.
 * @throws SitError "bad-option" naming the folder
 */
export async function requireNewFolder(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SitError("disk", `${folder}: cannot be read (${reason})`, { cause });
  }
  const other = names.find((name) => !ours.includes(name));
  if (other === undefined) return;
  throw new SitError(
    "bad-option",
    `${folder}: expected a new folder, or one of an earlier export to ONNX, got one with ${other}`,
    { mend: "Name another folder." },
  );
}
