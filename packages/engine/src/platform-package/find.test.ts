import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeHost } from "../testing/fake-host.js";
import { fakePlatformPackage } from "../testing/platform-package.js";
import { temporaryFolders } from "../testing/temporary.js";
import { findPlatformPackage, readAddon, verifyPlatformPackage } from "./find.js";

const temporary = temporaryFolders();
const name = "@sitjs/engine-linux-x64";

describe("findPlatformPackage", () => {
  it("finds nothing where nothing is installed, and on a system that has none", async () => {
    expect(await findPlatformPackage(fakeHost())).toBeUndefined();
    const { found } = await fakePlatformPackage(await temporary());
    expect(await findPlatformPackage(fakeHost({}, { ...found, platform: "win32" }))).toBeUndefined();
  });

  it("takes one for this engine and these kernels", async () => {
    const { found, packageFolder } = await fakePlatformPackage(await temporary());
    expect(await findPlatformPackage(fakeHost({}, found))).toMatchObject({
      label: `${name} 1.2.3`,
      fits: true,
      found: { folder: packageFolder },
    });
  });

  it.each([
    [
      { engine: "tfjs-4.21.0-tf2.19.0-cpu-linux-x64-r1" },
      /expected addons for tfjs-4\.22\S+, got some for tfjs-4\.21/,
    ],
    [{ kernelSources: "0123456789abcdef" }, /expected kernels of sources \w{16}, got 0123456789abcdef/],
    [{ needs: { glibc: "2.40", libstdcxx: "3.4.30" } }, /expected glibc 2\.40 or later, got 2\.36/],
    [{ files: {} as never }, /addons\.json: expected engine, kernelSources and files/],
  ])("says why %o does not fit", async (changes, words) => {
    const { found } = await fakePlatformPackage(await temporary(), changes);
    const installed = await findPlatformPackage(fakeHost({}, found));
    expect(installed).toMatchObject({ fits: false, reason: expect.stringMatching(words) });
    expect(installed?.reason).toContain(`${name} 1.2.3: `);
  });

  it("compares versions of glibc by their numbers", async () => {
    const { found } = await fakePlatformPackage(await temporary(), {
      needs: { glibc: "2.9", libstdcxx: "3.4.9" },
    });
    expect(await findPlatformPackage(fakeHost({}, found))).toMatchObject({ fits: true });
  });

  it("takes only the manifest that the release of this package names", async () => {
    const { found, engineFolder, manifestSum } = await fakePlatformPackage(await temporary());
    const release = async (sum: string) =>
      await writeFile(
        join(engineFolder, "package.json"),
        JSON.stringify({ platformPackages: { [name]: sum } }),
      );
    await release(manifestSum);
    expect(await findPlatformPackage(fakeHost({}, found))).toMatchObject({ fits: true });
    await release("0".repeat(64));
    expect(await findPlatformPackage(fakeHost({}, found))).toMatchObject({
      fits: false,
      reason: expect.stringMatching(/expected the manifest 0{64} of this release, got \w{64}/),
    });
  });
});

describe("the addons of a platform package", () => {
  it("are read as they were made, and refused where they are others or gone", async () => {
    const { found, packageFolder } = await fakePlatformPackage(await temporary());
    const installed = await findPlatformPackage(fakeHost({}, found));
    if (!installed?.fits) throw new Error("expected a package that fits");
    expect(new TextDecoder().decode(await readAddon(installed.found, "kernels"))).toBe("kernels");
    await writeFile(join(packageFolder, "kernels.node"), "other kernels");
    await expect(readAddon(installed.found, "kernels")).rejects.toMatchObject({
      code: "engine-install",
      message: expect.stringMatching(/linux-x64 1\.2\.3: kernels\.node: expected sha256 \w{64}, got \w{64}/),
    });
    const system = { platform: "linux", arch: "x64" };
    await expect(verifyPlatformPackage(packageFolder, system)).rejects.toThrow(
      /kernels\.node: expected sha256/,
    );
    await rm(join(packageFolder, "kernels.node"));
    await expect(readAddon(installed.found, "kernels")).rejects.toThrow(/got no file that can be read/);
  });

  it("are looked through for other systems too", async () => {
    const { packageFolder } = await fakePlatformPackage(await temporary(), {}, "arm64");
    await verifyPlatformPackage(packageFolder, { platform: "linux", arch: "arm64" });
    const elsewhere = verifyPlatformPackage(packageFolder, { platform: "linux", arch: "x64" });
    await expect(elsewhere).rejects.toThrow(
      /expected addons for \S+linux-x64\S+, got some for \S+linux-arm64/,
    );
  });
});
