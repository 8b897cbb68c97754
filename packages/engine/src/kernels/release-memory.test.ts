import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { releaseMemory } from "./load.js";

const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);
// The C library whose memory is given back.
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe.skipIf(native === undefined || header.glibcVersionRuntime === undefined)("releaseMemory", () => {
  it("gives back what was freed between memory that is still used", async () => {
    await native?.use();
    const pieces = 3000;
    const bytes = 64 * 1024; // too small for the C library to ask the system for each
    let all: ArrayBuffer[] = Array.from({ length: pieces }, () => {
      const piece = new ArrayBuffer(bytes);
      new Uint8Array(piece).fill(1);
      return piece;
    });
    const kept = all.filter((_, i) => i % 50 === 49);
    all = [];
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await setTimeout(50);
    }
    const before = process.memoryUsage.rss();
    expect(releaseMemory()).toBe(true);
    const released = before - process.memoryUsage.rss();
    expect(released).toBeGreaterThan(0.5 * pieces * bytes);
    expect(kept.every((piece) => new Uint8Array(piece)[0] === 1)).toBe(true);
  });
});
