// What a run does to its folder of checkpoints, seen from outside while it happens.
import { existsSync, mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";

/** Parts of a checkpoint that a killed run has left, and old ones that it was taking away. */
export const isLeftover = (name) => /^\.step-.*\.(partial|old)$/.test(name);

/**
 * Watches a run's checkpoints. `onWrite` is told the beginning of each one's writing, `onSaved` its end with the step.
 *
 * @param {string} out the run's folder; made
 * @param {{ onWrite?: () => void, onSaved?: (step: number) => void }} listeners
 */
export function watchCheckpoints(out, { onWrite, onSaved }) {
  const folder = join(out, "checkpoints");
  mkdirSync(out, { recursive: true });
  // What is there now is no news; the name of an old one that is taken away comes as an event too.
  const known = new Set(namesIn(folder));
  const see = (name) => {
    if (name === null || known.has(name)) return;
    known.add(name);
    if (/^\.step-.*\.partial$/.test(name)) onWrite?.();
    const step = /^step-(\d+)$/.exec(name)?.[1];
    if (step !== undefined) onSaved?.(Number(step));
  };
  /** @type {import("node:fs").FSWatcher | undefined} */
  let inner;
  const attach = () => {
    inner?.close();
    inner = undefined;
    if (!existsSync(folder)) return;
    inner = watch(folder, (_, name) => see(name));
    // What has come before the watch was there.
    for (const name of namesIn(folder)) see(name);
  };
  // The run makes that folder itself, some after they have removed an older one.
  const outer = watch(out, (_, name) => {
    if (name === "checkpoints") attach();
  });
  attach();
  return {
    close() {
      outer.close();
      inner?.close();
    },
  };
}

function namesIn(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}
