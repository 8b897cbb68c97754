import { describe, expect, it } from "vitest";
import { cacheFolder } from "./cache.js";
import { packagedSystems, recipeFor, supportsMethod } from "./recipe.js";

describe("recipeFor", () => {
  it("names all that tells two engines apart", () => {
    const keys = [
      recipeFor("source", "cpu", "linux", "x64"),
      recipeFor("source", "gpu", "linux", "x64"),
      recipeFor("source", "cpu", "linux", "arm64"),
      recipeFor("source", "cpu", "darwin", "arm64"),
      recipeFor("official", "cpu", "linux", "x64"),
      recipeFor("package", "cpu", "linux", "x64"),
    ].map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toMatch(/^tfjs-4\.22\.0-tf2\.21\.0-cpu-linux-x64-r\d+$/);
    expect(keys[4]).toContain("tf2.9.1");
  });

  it("pins the wheel of Linux x64 and takes the small CPU wheel there", () => {
    const { wheel } = recipeFor("source", "cpu", "linux", "x64");
    expect(wheel?.file).toBe("tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl");
    expect(wheel?.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it("says where there is an engine when there is none here", () => {
    expect(() => recipeFor("source", "cpu", "win32", "x64")).toThrow(
      /no source build of the cpu engine for win32 x64: there is one for cpu-linux-x64/,
    );
    expect(supportsMethod("official", "cpu", "win32", "x64")).toBe(true);
    expect(supportsMethod("source", "gpu", "darwin", "arm64")).toBe(false);
    expect(supportsMethod("package", "gpu", "linux", "x64")).toBe(false);
    for (const { platform, arch } of packagedSystems()) {
      expect(supportsMethod("package", "cpu", platform, arch)).toBe(true);
    }
    expect(packagedSystems()).toContainEqual({ platform: "linux", arch: "x64" });
  });
});

describe("cacheFolder", () => {
  it("takes the option, then SITJS_CACHE, then the platform's folder", () => {
    expect(cacheFolder("/a", { SITJS_CACHE: "/b" })).toBe("/a");
    expect(cacheFolder(undefined, { SITJS_CACHE: "/b" })).toBe("/b");
    expect(cacheFolder(undefined, {})).toContain("sitjs");
  });
});
