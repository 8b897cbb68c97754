import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../benchmarks/lib/options.mjs";
import { root } from "../../scripts/lib/steps.mjs";
import { readOptions, usage } from "./options.mjs";

describe("the options of npm run reliability", () => {
  it("run everything unless told otherwise", () => {
    const only = ["kill", "faults", "determinism", "soak", "fuzz"];
    expect(readOptions([])).toEqual({ help: false, short: false, seed: 0, engine: undefined, only });
  });

  it("take parts in any order, and settings", () => {
    const options = readOptions(["soak", "kill", "--seed", "7", "--engine", "wasm", "--short"]);
    expect(options).toEqual({ help: false, short: true, seed: 7, engine: "wasm", only: ["kill", "soak"] });
  });

  it.each([
    [["kills"], "expected parts among kill, faults, determinism, soak, fuzz, got kills"],
    [["--seed", "-1"], "--seed"],
    [["--seed", "x"], "--seed: expected a whole number, got x"],
    [["--engine", "gpu"], "--engine: expected tfjs-node or wasm, got gpu"],
    [["--long"], "--long"],
  ])("refuse %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(message);
  });

  it("are told and refused by the command, before it installs anything", () => {
    const run = (...args) =>
      spawnSync(process.execPath, [join(root, "scripts", "reliability.mjs"), ...args], { encoding: "utf8" });
    expect(run("--help")).toMatchObject({ status: 0, stdout: `${usage}\n` });
    expect(run("everything")).toMatchObject({ status: 2, stdout: "" });
  });
});
