import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { usedBy } from "./processes.mjs";

describe.skipIf(!existsSync("/proc/self/stat"))("what processes use", () => {
  it("counts the memory and the time of those they start, too", async () => {
    const before = usedBy(process.pid);
    expect(before.processes).toBeGreaterThanOrEqual(1);
    expect(before.cpuSeconds).toBeGreaterThan(0);
    const script = `
      const kept = Buffer.alloc(100 * 2 ** 20, 1);
      const end = Date.now() + 300;
      while (Date.now() < end);
      process.stdout.write("ready");
      setInterval(() => kept, 1000);`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      // The child first: it goes on working.
      const own = usedBy(child.pid);
      const during = usedBy(process.pid);
      expect(own.processes).toBe(1);
      expect(own.megabytes).toBeGreaterThan(100);
      expect(own.cpuSeconds).toBeGreaterThan(0);
      expect(during.processes).toBe(before.processes + 1);
      expect(during.megabytes).toBeGreaterThan(own.megabytes);
      // Sums of hundredths, which float64 rounds.
      expect(during.cpuSeconds - before.cpuSeconds - own.cpuSeconds).toBeGreaterThan(-1e-6);
    } finally {
      child.kill();
      await once(child, "close");
    }
    expect(usedBy(child.pid)).toBeUndefined();
  });
});
