import type { Worker } from "node:worker_threads";

const stuck = new Set<Worker>();

/**
 * Gives up a thread that has been told to terminate. A thread that waits for the operating system, such as for a file on a
 * drive that does not answer, cannot be ended from outside, and Node waits for it at the end of the process, for ever.
 * So as long as there is one, the process ends itself by SIGKILL once it has come to its end.
 */
export function leaveBehind(worker: Worker): void {
  if (stuck.has(worker)) return;
  if (stuck.size === 0) process.on("exit", endByForce);
  stuck.add(worker);
  worker.once("exit", () => {
    stuck.delete(worker);
    if (stuck.size === 0) process.off("exit", endByForce);
  });
}

function endByForce(): void {
  process.kill(process.pid, "SIGKILL");
}
