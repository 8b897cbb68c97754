import { fileURLToPath } from "node:url";
import { UsageError } from "./options.mjs";

/**
 * Runs `work` where the module with this `import.meta.url` is what Node was started with; a failure ends with its message
 * and exit code 1, one of the command line with 2.
 *
 * @param {string} url
 * @param {() => void | Promise<void>} work
 */
export async function runAsProgram(url, work) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    const code = String(/** @type {NodeJS.ErrnoException} */ (error)?.code);
    const usage = error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS");
    process.exitCode = usage ? 2 : 1;
  }
}
