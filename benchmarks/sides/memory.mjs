import { readFileSync } from "node:fs";

/** The most memory that this process has had resident so far, and what it has now, in MB. */
export function residentMemory() {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const megabytes = (entry) => Number(new RegExp(`^${entry}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
    return { peakMB: megabytes("VmHWM"), residentMB: megabytes("VmRSS") };
  } catch {
    return {
      peakMB: process.resourceUsage().maxRSS / 1024,
      residentMB: process.memoryUsage.rss() / 2 ** 20,
    };
  }
}
