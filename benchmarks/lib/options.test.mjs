import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/lib/steps.mjs";
import { readOptions, UsageError, usage } from "./options.mjs";

describe("the bench's options", () => {
  it("run everything unless told otherwise", () => {
    expect(readOptions([])).toEqual({
      help: false,
      quick: false,
      out: undefined,
      only: ["steps", "methods", "loader", "start", "growth", "profile"],
      workloads: ["A", "B", "C", "D", "E"],
      precisions: ["float32", "bfloat16"],
      rounds: 7,
    });
  });

  it("take lists in any order, each name once", () => {
    const options = readOptions(["--only", "loader,steps", "--workloads=C, A,C", "--precisions", "bfloat16"]);
    expect(options).toMatchObject({
      only: ["steps", "loader"],
      workloads: ["A", "C"],
      precisions: ["bfloat16"],
    });
  });

  it("make quick runs short, unless rounds are given", () => {
    expect(readOptions(["--quick"]).rounds).toBe(2);
    expect(readOptions(["--quick", "--rounds", "5"]).rounds).toBe(5);
  });

  it.each([
    [["--workload", "A"], "--workload"],
    [["steps"], "steps"],
    [["--workloads", "A,F"], '--workloads: expected names among A, B, C, D, E, got "F"'],
    [["--precisions", "float16"], 'got "float16"'],
    [["--only", ""], "--only: expected names among"],
    [["--rounds", "0"], "--rounds: expected a whole number from 1"],
    [["--rounds", "2.5"], "--rounds"],
    [["--rounds"], "--rounds"],
    [["--quick=yes"], "--quick"],
    [["--out", ""], "--out"],
  ])("refuse %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(message);
  });

  it("are told and refused by the command, before it installs anything", () => {
    const run = (...args) =>
      spawnSync(process.execPath, [join(root, "scripts", "bench.mjs"), ...args], { encoding: "utf8" });
    expect(run("--help")).toMatchObject({ status: 0, stdout: `${usage}\n` });
    const refused = run("--workloads", "Z");
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain('got "Z"');
  });
});
