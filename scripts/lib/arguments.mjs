import { basename } from "node:path";
import { parseArgs } from "node:util";

/**
 * The arguments of a script whose head lists them; ends the process with exit code 2 where they are others.
 * @template {import("node:util").ParseArgsConfig} Config
 * @param {Config} config
 * @returns {ReturnType<typeof parseArgs<Config>>}
 */
export function readArguments(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    const script = basename(process.argv[1]);
    console.error(`${error.message}\nThe first lines of scripts/${script} list the options.`);
    process.exit(2);
  }
}
