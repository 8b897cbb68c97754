import { appendFile, cp, mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Host } from "../host.js";
import { type Answer, fakeHost } from "../testing/fake-host.js";
import { fakePlatformPackage } from "../testing/platform-package.js";
import { temporaryFolders } from "../testing/temporary.js";
import type { InstalledEngine } from "../types.js";
import { buildKernels } from "./build.js";
import { exists, kernelsPath } from "./built.js";
import { findKernels, loadKernels } from "./load.js";
import { instructionSets, kernelSources, kernelsKey } from "./sources.js";

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
    expect(await readdir(join(engine.directory, "kernels"))).toEqual([basename(path)]);
    const commands = host.commands.join("\n");
    for (const table of ["compute_base", "compute_avx2", "compute_avx512"]) expect(commands).toContain(table);
    for (const name of ["BASE", "AVX2", "AVX512"]) expect(commands).toContain(`-DSITJS_TABLES_${name}`);
    expect(commands).not.toContain("-march=native");
  });

  it("leaves out the instruction sets that the compiler does not know, and tells the addon", async () => {
    const old: Answer = (args, options) =>
      args.includes("-mavx512f") ? { code: 1, stderr: "unrecognized option" } : working(args, options);
    const host = fakeHost({ "g++": old });
    const path = await buildKernels(await engineFolder(), gcc, host);
    expect(await exists(path)).toBe(true);
    const [addon] = host.commands.filter((command) => command.includes("addon.cc"));
    expect(addon).toContain("-DSITJS_TABLES_AVX2");
    expect(addon).not.toContain("-DSITJS_TABLES_AVX512");
    // Each of the two that want it was asked for once, in vain.
    expect(host.commands.filter((command) => command.includes("-mavx512f"))).toHaveLength(2);
    const link = host.commands.at(-1);
    expect(link).toMatch(/avx2\S*\.o/);
    expect(link).not.toMatch(/avx512\S*\.o/);
  });

  it("fails where a compiler knows an instruction set but not the sources", async () => {
    const failing: Answer = (args, options) =>
      args.includes("-DSITJS_TABLE=compute_avx512") ? { code: 1, stderr: "error" } : working(args, options);
    const building = buildKernels(await engineFolder(), gcc, fakeHost({ "g++": failing }));
    await expect(building).rejects.toMatchObject({ code: "engine-install" });
  });

  it("compiles the random numbers without joining products and sums", async () => {
    const host = fakeHost({ "g++": working });
    await buildKernels(await engineFolder(), gcc, host);
    const random = host.commands.filter((command) => command.includes("random.cc -o"));
    expect(random.length).toBe(instructionSets(host.arch).length);
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
    const headless = await loadKernels(
      { ...engine, includeDirectory: undefined },
      fakeHost({ "g++": working }),
      () => undefined,
    );
    expect(headless).toEqual({
      kernels: [],
      reason: expect.stringContaining("without TensorFlow's headers"),
    });
    const prebuilt = { ...engine, method: "official" } as const;
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

describe("the kernels of a machine", () => {
  const updated: Partial<Host> = {
    findExecutable: async (command) =>
      command === "g++" ? { path: "/bin/g++", bytes: 2, modifiedMilliseconds: 1 } : undefined,
  };

  it("are found without starting a program", async () => {
    const engine = await engineFolder();
    const host = fakeHost({ "g++": working });
    const path = await buildKernels(engine, gcc, host);
    const later = fakeHost({ "g++": working });
    expect(await findKernels(engine, later, { onBuild: () => undefined })).toBe(path);
    expect(later.commands).toEqual([]);
  });

  it("are built again by another compiler and on another processor, beside the first ones", async () => {
    const engine = await engineFolder();
    const hosts = [
      fakeHost({ "g++": working }),
      fakeHost({ "g++": working }, updated),
      fakeHost({ "g++": working }, { cpuModel: "another processor" }),
      fakeHost({ "g++": working, "my-g++": working }, { env: { CXX: "my-g++" } }),
    ];
    let builds = 0;
    const paths = new Set<string>();
    for (const host of [...hosts, ...hosts])
      paths.add(await findKernels(engine, host, { onBuild: () => builds++ }));
    expect([builds, paths.size]).toEqual([4, 4]);
    for (const path of paths) expect(await exists(path)).toBe(true);
  });

  it("go on when the compiler is gone or broken, but not with other sources", async () => {
    const engine = await engineFolder();
    const path = await buildKernels(engine, gcc, fakeHost({ "g++": working }));
    const without = fakeHost();
    expect(await findKernels(engine, without, { onBuild: () => undefined })).toBe(path);
    expect(without.commands).toEqual([]);
    expect(
      await findKernels(engine, fakeHost({ "g++": broken }, updated), { onBuild: () => undefined }),
    ).toBe(path);
    await rename(path, join(dirname(path), `another-${basename(path).split("-")[1]}`));
    await expect(findKernels(engine, without, { onBuild: () => undefined })).rejects.toThrow(
      /no C\+\+17 compiler/,
    );
  });

  it("that are older than a day go when new ones are built", async () => {
    const engine = await engineFolder();
    const folder = join(engine.directory, "kernels");
    await mkdir(join(folder, ".unfinished-1"), { recursive: true });
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    for (const name of ["old.node", "old.node.failed", "young.node", "young.node.failed"]) {
      await writeFile(join(folder, name), "");
      if (name.startsWith("old")) await utimes(join(folder, name), yesterday, yesterday);
    }
    await utimes(join(folder, ".unfinished-1"), yesterday, yesterday);
    const path = await buildKernels(engine, gcc, fakeHost({ "g++": working }));
    expect((await readdir(folder)).sort()).toEqual(
      [basename(path), "young.node", "young.node.failed"].sort(),
    );
  });
});

describe("the kernels of a platform package", () => {
  it("are copied beside the engine once, without a compiler", async () => {
    const engine = await engineFolder();
    const { found, packageFolder } = await fakePlatformPackage(await temporary());
    const host = fakeHost({ "g++": working }, found);
    const path = await findKernels(engine, host, { onBuild: () => undefined });
    expect(dirname(path)).toBe(join(engine.directory, "kernels"));
    expect(await readFile(path, "utf8")).toBe("kernels");
    // It is compared with the manifest when it is copied; the copy is ours.
    await appendFile(join(packageFolder, "kernels.node"), "!");
    expect(await findKernels(engine, host, { onBuild: () => undefined })).toBe(path);
    expect(host.commands).toEqual([]);
  });

  it("are compiled where the package does not fit, and the reason is told", async () => {
    const { found } = await fakePlatformPackage(await temporary(), { kernelSources: "others" });
    const reasons: (string | undefined)[] = [];
    const host = fakeHost({ "g++": working }, found);
    const engine = await engineFolder();
    const options = { onBuild: (misfit: string | undefined) => reasons.push(misfit) };
    expect(await findKernels(engine, host, options)).toBe(await kernelsPath(engine, host));
    expect(reasons).toEqual([expect.stringMatching(/1\.2\.3: expected kernels of sources \w+, got others/)]);
    const loading = loadKernels(await engineFolder(), fakeHost({}, found), () => undefined);
    expect((await loading).reason).toMatch(/got others; no C\+\+17 compiler/);
  });

  it("are not for an engine of another TensorFlow", async () => {
    const { found } = await fakePlatformPackage(await temporary());
    const engine = { ...(await engineFolder()), tensorflow: "2.20.0" };
    const host = fakeHost({ "g++": working }, found);
    expect(await findKernels(engine, host, { onBuild: () => undefined })).toBe(
      await kernelsPath(engine, host),
    );
  });
});
