import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { addShims, bindingPath, tfjsSlot } from "./shims.js";
import { temporaryFolders } from "./testing/temporary.js";
import { restoreUtilFor } from "./user-package.js";

const temporary = temporaryFolders();
const load = createRequire(import.meta.url);

describe("addShims", () => {
  let nodeModules: string;
  let packageDirectory: string;
  beforeEach(async () => {
    nodeModules = join(await temporary(), "node_modules");
    packageDirectory = join(nodeModules, "@tensorflow", "tfjs-node");
    await mkdir(join(packageDirectory, "dist", "proto"), { recursive: true });
    await mkdir(join(packageDirectory, "dist", "kernels"), { recursive: true });
    await writeFile(join(packageDirectory, "dist", "kernels", "a.js"), 'exports.util = require("util");\n');
    await writeFile(join(packageDirectory, "dist", "b.js"), "exports.util = require('node:util');\n");
    await addShims(nodeModules, packageDirectory);
  });

  it("gives tfjs-node the removed functions and leaves node:util as it was", () => {
    for (const name of ["kernels/a.js", "b.js"]) {
      const { util } = load(join(packageDirectory, "dist", name)) as { util: Record<string, unknown> };
      const { isNullOrUndefined, isArray } = util as Record<string, (value: unknown) => boolean>;
      expect([undefined, null, 0, ""].map((value) => isNullOrUndefined?.(value))).toEqual([
        true,
        true,
        false,
        false,
      ]);
      expect([[], {}, null].map((value) => isArray?.(value))).toEqual([true, false, false]);
      expect(util.promisify).toBe(promisify);
      expect(util).not.toBe(load("node:util"));
    }
  });

  it("hands tfjs-node the application's tfjs and the path of its addon", () => {
    const fromPackage = createRequire(join(packageDirectory, "dist", "index.js"));
    expect(() => fromPackage("@tensorflow/tfjs")).toThrow(/useEngine/);
    const application = { name: "the application's tfjs" };
    Object.defineProperty(globalThis, tfjsSlot, { value: application, configurable: true });
    expect(fromPackage("@tensorflow/tfjs")).toBe(application);
    const { find } = fromPackage("@mapbox/node-pre-gyp") as { find: (path: string) => string };
    expect(find(join(packageDirectory, "package.json"))).toBe(bindingPath(packageDirectory));
  });

  it("says so when somebody asks it for a saved model", () => {
    const messages = load(join(packageDirectory, "dist", "proto", "api_pb.js")) as Record<string, unknown>;
    expect(() => messages.SavedModel).toThrow(/SavedModel/);
  });
});

describe("restoreUtilFor", () => {
  it("gives one package a whole util on every Node, and nobody else", async () => {
    const folder = await temporary();
    const packageDirectory = join(folder, "tfjs-node");
    await mkdir(packageDirectory);
    const probe = "module.exports = typeof require('util').isNullOrUndefined;\n";
    await writeFile(join(packageDirectory, "index.js"), probe);
    await writeFile(join(folder, "other.js"), probe);
    const before = load(join(folder, "other.js")) as string;
    await restoreUtilFor(packageDirectory, join(folder, "shims"));
    expect(load(join(packageDirectory, "index.js"))).toBe("function");
    await writeFile(join(folder, "another.js"), probe);
    expect(load(join(folder, "another.js"))).toBe(before);
  });
});

it("the removed functions are really gone from the util of Node 23 and later", async () => {
  const program = "console.log(typeof require('util').isNullOrUndefined)";
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program]);
  const major = Number(process.versions.node.split(".")[0]);
  expect(stdout.trim()).toBe(major >= 23 ? "undefined" : "function");
});
