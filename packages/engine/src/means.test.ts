import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chooseMeans } from "./means.js";
import { fakeHost } from "./testing/fake-host.js";
import { fakePlatformPackage } from "./testing/platform-package.js";
import { temporaryFolders } from "./testing/temporary.js";

const temporary = temporaryFolders();
const compiler = { "g++": () => ({ stdout: "g++ 12" }) };

describe("chooseMeans", () => {
  it("takes a platform package that fits, and looks for no compiler", async () => {
    const { found } = await fakePlatformPackage(await temporary());
    const host = fakeHost(compiler, found);
    const means = await chooseMeans(host, "cpu", "auto");
    expect(means.recipe).toMatchObject({
      method: "package",
      key: expect.stringContaining("linux-x64-package-r"),
    });
    expect(means.shipped?.label).toBe("@sitjs/engine-linux-x64 1.2.3");
    expect(host.commands).toEqual([]);
  });

  it("compiles where an addon was changed, and says why", async () => {
    const { found, packageFolder } = await fakePlatformPackage(await temporary());
    await appendFile(join(packageFolder, "quiet.node"), "!");
    const means = await chooseMeans(fakeHost(compiler, found), "cpu", "auto");
    expect(means.recipe.method).toBe("source");
    expect(means.compiler?.command).toBe("g++");
    expect(means.misfit).toMatch(/quiet\.node: expected sha256/);
  });

  it("compiles without a word where no platform package is installed", async () => {
    const means = await chooseMeans(fakeHost(compiler), "cpu", "auto");
    expect(means).toMatchObject({ recipe: { method: "source" }, compiler: { command: "g++" } });
    expect(means.misfit).toBeUndefined();
  });

  it("names both reasons where the package does not fit and there is no compiler", async () => {
    const { found } = await fakePlatformPackage(await temporary(), { kernelSources: "others" }, "arm64");
    await expect(chooseMeans(fakeHost({}, found), "cpu", "auto")).rejects.toMatchObject({
      code: "engine-install",
      message: expect.stringMatching(/got others; no C\+\+17 compiler was found/),
      mend: expect.stringContaining("apt install g++"),
    });
  });

  it("takes the official prebuilt without a compiler, and keeps the reason", async () => {
    const { found } = await fakePlatformPackage(await temporary(), { kernelSources: "others" });
    const means = await chooseMeans(fakeHost({}, found), "cpu", "auto");
    expect(means).toMatchObject({
      recipe: { method: "official" },
      misfit: expect.stringContaining("got others"),
    });
  });

  it("takes no other way than the one asked for", async () => {
    const { found, packageFolder } = await fakePlatformPackage(await temporary());
    const host = fakeHost(compiler, found);
    expect((await chooseMeans(host, "cpu", "source")).recipe.method).toBe("source");
    expect((await chooseMeans(host, "cpu", "official")).recipe.method).toBe("official");
    await rm(join(packageFolder, "kernels.node"));
    await expect(chooseMeans(host, "cpu", "package")).rejects.toThrow(/kernels\.node: expected sha256/);
    await expect(chooseMeans(fakeHost(compiler), "cpu", "package")).rejects.toMatchObject({
      message: "the package @sitjs/engine-linux-x64 is not installed",
      mend: expect.stringContaining("npm"),
    });
    await expect(chooseMeans(host, "gpu", "package")).rejects.toThrow(/no package build of the gpu engine/);
  });

  it("goes on without a package that did not load", async () => {
    const { found } = await fakePlatformPackage(await temporary());
    const means = await chooseMeans(fakeHost(compiler, found), "cpu", "auto", "it did not load");
    expect(means).toMatchObject({ recipe: { method: "source" }, misfit: "it did not load" });
  });
});
