import type { Host, RunResult } from "./host.js";
import type { Tool } from "./tools.js";

/**
 * Has pip, which honours the user's mirrors and proxies, put the wheel of one requirement into `folder`, without what
 * it requires itself. TensorFlow's libraries are the same in the wheels of every Python, so one version is asked for.
 */
export async function downloadWheel(
  pip: Tool,
  requirement: string,
  platformTags: readonly string[],
  folder: string,
  host: Host,
  signal?: AbortSignal,
): Promise<RunResult> {
  const args = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-input",
    "--progress-bar=off",
  ];
  args.push("--python-version", "3.11", "--dest", folder);
  for (const tag of platformTags) args.push("--platform", tag);
  return await host.run(pip.command, [...args, requirement], { signal });
}
