import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../scripts/lib/steps.mjs";
import { fuzz } from "./fuzz/run.mjs";

const folder = join(root, "reliability", "fuzz");
const real = join(folder, "targets", "index.ts");
const planted = join(folder, "planted.ts");

/** What is found in one planted parser within `inputs` files. */
async function find(target, inputs, limits = {}) {
  const { findings, targets } = await fuzz({ module: planted, inputs, seed: 1, only: [target], ...limits });
  return { kinds: [...new Set(findings.map(({ kind }) => kind))].sort(), findings, result: targets[0] };
}

describe("every parser", () => {
  it("refuses malformed files by the right error, in time and memory that their size bounds", async () => {
    const { targets, findings } = await fuzz({ module: real, inputs: 20_000, seed: 4 });
    expect(findings.map(({ target, kind, message }) => `${target}: ${kind}: ${message}`)).toEqual([]);
    expect(targets.reduce((sum, { inputs }) => sum + inputs, 0)).toBe(20_000);
    for (const { target, inputs, accepted, rejected, takesAll } of targets) {
      expect(accepted + rejected, target).toBe(inputs);
      // Mutations that break everything at the first check would show little; so would those that break nothing.
      expect(accepted, target).toBeGreaterThan(0.01 * inputs);
      if (takesAll) expect(rejected, target).toBe(0);
      else expect(rejected, target).toBeGreaterThan(0.2 * inputs);
    }
  }, 120_000);
});

describe("the fuzzer", () => {
  it("finds nothing where there is nothing, and the same inputs with the same seed", async () => {
    const first = await find("none", 2000);
    expect(first.kinds).toEqual([]);
    const { seconds, slowestMilliseconds, allocated, ...counts } = first.result;
    expect((await find("none", 2000)).result).toMatchObject(counts);
    expect(
      (await fuzz({ module: planted, inputs: 2000, seed: 2, only: ["none"] })).targets[0]?.reasons,
    ).not.toEqual(first.result?.reasons);
  });

  it.each([
    ["array of the claimed size", "allocation"],
    ["list of the claimed size", "allocation"],
    ["garbage", "allocation"],
    ["view beyond the end", "error"],
    ["other code", "error"],
    ["nameless", "promise"],
    ["trusting", "promise"],
  ])("finds a parser with the mistake: %s", async (target, kind) => {
    const { kinds, findings } = await find(target, 250);
    expect(kinds).toEqual([kind]);
    expect(Buffer.from(findings[0]?.input ?? "", "base64").length).toBeLessThan(1000);
  });

  it("finds an input that takes long, and goes on", async () => {
    const { kinds, result } = await find("slow", 40, { milliseconds: 100 });
    expect(kinds).toEqual(["slow"]);
    expect(result?.inputs).toBe(40);
  });

  it("kills a parser that does not end, saves the input, and goes on", async () => {
    const { kinds, findings, result } = await find("hang", 80, { hangSeconds: 3 });
    expect(kinds).toEqual(["hang"]);
    for (const { input } of findings)
      expect([...Buffer.from(input, "base64")]).toMatchObject({ 0: 4, length: 6 });
    expect(result?.inputs).toBe(80);
  });

  it("outlives a parser that takes the process with it, saves the input, and goes on", async () => {
    const { kinds, findings, result } = await find("crash", 150);
    expect(kinds).toEqual(["crash"]);
    for (const { input } of findings)
      expect([...Buffer.from(input, "base64")]).toMatchObject({ 0: 4, length: 5 });
    expect(result?.inputs).toBe(150);
  });

  it("refuses a target that is not there", async () => {
    await expect(find("nothing", 1)).rejects.toThrow(/targets: expected names among none; .* got "nothing"/);
  });
});
