import { appendFile, cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Answer, fakeHost } from "../testing/fake-host.js";
import { temporaryFolders } from "../testing/temporary.js";
import type { InstalledEngine } from "../types.js";
import { buildKernels, exists, kernelsPath } from "./build.js";
import { loadKernels } from "./load.js";
import { kernelSources, kernelsKey } from "./sources.js";

const temporary = temporaryFolders();
const gcc = { command: "g++", version: "g++ 12" };

async function engineFolder(): Promise<InstalledEngine> {
  const directory = await temporary();
  return {
    directory,
    key: "key",
    method: "source",
    variant: "cpu",
    tfjs: "4.22.0",
    tensorflow: "2.21.0",
    packageDirectory: directory,
    binding: directory,
    libraryDirectory: join(directory, "tensorflow"),
    libraries: ["libtensorflow_framework.so.2"],
    includeDirectory: join(directory, "tensorflow", "include"),
    pinned: true,
  };
}

/** A compiler that writes an empty file where it is told to; one that cannot read TensorFlow's headers. */
const working: Answer = async (args) => {
  const output = args[args.indexOf("-o") + 1];
  if (args.includes("-o") && output !== undefined) await appendFile(output, "");
  return {};
};
const broken: Answer = (args) =>
  args.includes("-c") ? { code: 1, stderr: "fatal error: no such header" } : { stdout: "g++ 12" };

describe("building the kernels", () => {
  it("compiles every instruction set of the processor and leaves only the finished addon", async () => {
    const engine = await engineFolder();
    const host = fakeHost({ "g++": working });
    const path = await buildKernels(engine, gcc, host);
    expect(path).toBe(await kernelsPath(engine, host));
    expect(await exists(path)).toBe(true);
    expect(await readdir(join(engine.directory, "kernels"))).toEqual([`${await kernelsKey("x64")}.node`]);
    const commands = host.commands.join("\n");
    for (const table of ["compute_base", "compute_avx2", "compute_avx512"]) expect(commands).toContain(table);
    expect(commands).not.toContain("-march=native");
  });

  it("compiles the random numbers without joining products and sums", async () => {
    const host = fakeHost({ "g++": working });
    await buildKernels(await engineFolder(), gcc, host);
    const random = host.commands.filter((command) => command.includes("random.cc -o"));
    expect(random.length).toBe(3);
    for (const command of random)
      expect(command.match(/-ffp-contract=\w+/g)?.at(-1)).toBe("-ffp-contract=off");
  });

  it("asks an arm64 compiler for no x86 flags", async () => {
    const host = fakeHost({ "g++": working }, { arch: "arm64" });
    await buildKernels(await engineFolder(), gcc, host);
    expect(host.commands.join("\n")).not.toMatch(/-mavx|-mfma/);
  });

  it("says what the compiler said, and does not try the same sources again", async () => {
    const engine = await engineFolder();
    const host = fakeHost({ "g++": broken });
    let builds = 0;
    for (let round = 0; round < 2; round++) {
      const loaded = await loadKernels(engine, host, () => builds++);
      expect(loaded.kernels).toEqual([]);
      expect(loaded.reason).toMatch(/g\+\+ .*could not compile/);
    }
    expect(builds).toBe(1);
  });

  it("goes without where there is no compiler, or no headers to compile against", async () => {
    const engine = await engineFolder();
    const without = await loadKernels(engine, fakeHost(), () => undefined);
    expect(without).toEqual({ kernels: [], reason: expect.stringContaining("no C++17 compiler") });
    const prebuilt = { ...engine, includeDirectory: undefined };
    expect(await loadKernels(prebuilt, fakeHost(), () => undefined)).toEqual({ kernels: [] });
  });

  it("has another key once a source changes", async () => {
    const copy = join(await temporary(), "kernels");
    await mkdir(copy);
    await cp(kernelSources(), copy, { recursive: true });
    const before = await kernelsKey("x64", copy);
    expect(before).toBe(await kernelsKey("x64"));
    await appendFile(join(copy, "compute", "compute.cc"), "// another\n");
    expect(await kernelsKey("x64", copy)).not.toBe(before);
    expect(await kernelsKey("arm64")).not.toBe(before);
  });
});
