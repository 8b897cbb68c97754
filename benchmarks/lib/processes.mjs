import { readdirSync, readFileSync } from "node:fs";

/** Of the kernel's processor times; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/**
 * What a process and all that it started use: memory resident now in MB, pages shared among processes counted by shares
 * (the kernel's "proportional set size"), and processor seconds so far. Undefined where there is no /proc.
 *
 * @param {number} pid
 * @returns {{ processes: number, megabytes: number, cpuSeconds: number } | undefined}
 */
export function usedBy(pid) {
  const table = processTable();
  if (!table?.has(pid)) return undefined;
  const family = [pid];
  // Grows while it is walked: children of children.
  for (const parent of family) {
    for (const [child, entry] of table) if (entry.parent === parent) family.push(child);
  }
  const sum = (what) => family.reduce((total, member) => total + what(member), 0);
  return {
    processes: family.length,
    megabytes: sum(proportionalMegabytes),
    cpuSeconds: sum((member) => table.get(member).ticks) / TICKS_PER_SECOND,
  };
}

/** Parent and processor time of every process. */
function processTable() {
  const table = new Map();
  let names;
  try {
    names = readdirSync("/proc");
  } catch {
    return undefined;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The command, in brackets, may hold anything; what follows has a fixed order, beginning with the state.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // Its own times, and those of children that have ended.
      const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
      table.set(Number(name), { parent: Number(fields[1]), ticks });
    } catch {
      // It ended meanwhile.
    }
  }
  return table;
}

function proportionalMegabytes(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
