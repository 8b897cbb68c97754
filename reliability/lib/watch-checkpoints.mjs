// What a run does to its folder of checkpoints, seen from outside while it happens.
import { mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";

/** Parts of a checkpoint that a killed run has left, and old ones that it was taking away. */
export const isLeftover = (name) => /^\.step-.*\.(partial|old)$/.test(name);

/**
 * Watches a run's checkpoints. `onWrite` is told the beginning of each one's writing, `onSaved` its end with the step.
 *
 * @param {string} folder the run's; made
 * @param {{ onWrite?: () => void, onSaved?: (step: number) => void }} listeners
 */
export function watchCheckpoints(folder, { onWrite, onSaved }) {
  const checkpoints = join(folder, "checkpoints");
  mkdirSync(checkpoints, { recursive: true });
  const writing = new Set();
  // What is there now is no news; the name of an old one taken away comes as an event too.
  const known = new Set(readdirSync(checkpoints));
  const watcher = watch(checkpoints, (_, name) => {
    if (name === null) return;
    if (/^\.step-.*\.partial$/.test(name) && !known.has(name) && !writing.has(name)) {
      writing.add(name);
      onWrite?.();
    }
    const step = /^step-(\d+)$/.exec(name)?.[1];
    if (step !== undefined && !known.has(name)) {
      known.add(name);
      onSaved?.(Number(step));
    }
  });
  return { close: () => watcher.close() };
}
