// A disk that is full soon, or may not be written.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";

const mounted = new Set();
process.on("exit", () => {
  for (const folder of mounted) command("umount", "-l", folder);
});

/**
 * A file system in memory at `folder`; undefined where this user may not mount one.
 *
 * @param {string} folder made
 * @param {number} kilobytes
 */
export function smallDisk(folder, kilobytes) {
  mkdirSync(folder, { recursive: true });
  if (process.platform !== "linux") return undefined;
  if (!command("mount", "-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder)) return undefined;
  mounted.add(folder);
  return {
    /** @param {string} options of a mount: `ro`, `rw`, `size=500k` */
    remount: (options) => command("mount", "-o", `remount,${options}`, folder),
    close() {
      mounted.delete(folder);
      command("umount", "-l", folder);
    },
  };
}

/** Writes to a file until nothing more fits on its disk. */
export function fill(file) {
  try {
    for (;;) writeFileSync(file, Buffer.alloc(4096), { flag: "a" });
  } catch (error) {
    if (error.code !== "ENOSPC" || !existsSync(file)) throw error;
  }
}

function command(name, ...args) {
  return spawnSync(name, args, { stdio: "ignore" }).status === 0;
}
