// The short form of each part, on the engine that is there; `npm run reliability` is the long one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedEngine, useEngine } from "@sitjs/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as determinism from "./determinism.mjs";
import * as faults from "./faults.mjs";
import * as kill from "./kill.mjs";
import * as soak from "./soak.mjs";

/** Seconds; the parts' own watchdogs say more, and sooner. */
const LIMIT = 240_000;
const log = () => undefined;
let scratch = "";
/** @type {{ scratch: string, engine: "tfjs-node" | "wasm", seed: number, short: boolean, log: () => void }} */
let options;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "sitjs-reliability-"));
  const engine = (await installedEngine()) === undefined ? "wasm" : "tfjs-node";
  // This process reads checkpoints only.
  await useEngine({ prefer: "cpu" });
  options = { scratch, engine, seed: 0, short: true, log };
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const part = (name) => ({ ...options, scratch: mkdtempSync(join(scratch, `${name}-`)) });

describe("in short", () => {
  it("a run that is killed goes on, and ends as if it had not been", { timeout: LIMIT }, async () => {
    const { results, failures } = await kill.run(part("kill"));
    expect(failures).toEqual([]);
    expect(results.variants.map(({ kills }) => kills)).toEqual([3, 2, 1, 1]);
    for (const { orphansLookedFor } of results.variants)
      expect(orphansLookedFor).toBe(process.platform === "linux");
  });

  it("faults end with one message and nothing lost, or are survived", { timeout: LIMIT }, async () => {
    const { results, failures } = await faults.run(part("faults"));
    expect(failures).toEqual([]);
    expect(results.held + results.skipped).toBe(results.faults);
    expect(results.held).toBeGreaterThan(4);
  });

  it("the same seed gives the same bits", { timeout: LIMIT }, async () => {
    const { results, failures } = await determinism.run(part("determinism"));
    expect(failures).toEqual([]);
    expect(results.groups.at(-1)).toMatchObject({ name: "WebAssembly" });
  });

  it.skipIf(process.platform !== "linux")(
    "a long run keeps its tensors, files and threads",
    { timeout: LIMIT },
    async () => {
      const { results, failures } = await soak.run(part("soak"));
      expect(failures).toEqual([]);
      expect(results.runs.oneArena.evaluations).toBe(2);
    },
  );
});
