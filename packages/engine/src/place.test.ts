import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { manifestName, readInstalled } from "./cache.js";
import { place } from "./place.js";
import { temporaryFolders } from "./testing/temporary.js";

const temporary = temporaryFolders();

async function finish(directory: string, text = "whole"): Promise<void> {
  await writeFile(join(directory, "part"), text);
  await writeFile(join(directory, manifestName), "{}");
}

/** A program of its own that places the engine `one` in the folder given to it, in the way given to it. */
async function installer(folder: string): Promise<string> {
  const program = join(folder, "installer.cjs");
  await build({
    stdin: {
      contents: `
        import { appendFileSync, writeFileSync } from "node:fs";
        import { join } from "node:path";
        import { place } from "./place.js";
        const [root, way] = process.argv.slice(2);
        place({ root, key: "one", staleMilliseconds: 2000, build: async (directory) => {
          appendFileSync(join(root, "..", "builds"), "x");
          writeFileSync(join(directory, "part"), "half");
          process.send("building");
          await new Promise((resolve) => setTimeout(resolve, way === "hang" ? 600000 : 300));
          writeFileSync(join(directory, "part"), "whole");
          writeFileSync(join(directory, "engine.json"), "{}");
        } }).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });`,
      resolveDir: import.meta.dirname,
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "cjs",
    conditions: ["@sitjs/source"],
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: { "import.meta.url": "importMetaUrl" },
    outfile: program,
    logLevel: "error",
  });
  return program;
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

describe("place", () => {
  it("shows the folder only when it is complete, and builds once", async () => {
    const root = await temporary();
    let builds = 0;
    const make = async (directory: string) => {
      builds++;
      expect(await readInstalled(join(root, "one"))).toBeUndefined();
      await finish(directory);
    };
    const target = await place({ root, key: "one", build: make });
    expect(await place({ root, key: "one", build: make })).toBe(target);
    expect(builds).toBe(1);
    expect(await readFile(join(target, "part"), "utf8")).toBe("whole");
    expect(await readdir(root)).toEqual(["one"]);
  });

  it("makes it anew when forced, and keeps the old one when that fails", async () => {
    const root = await temporary();
    const target = await place({ root, key: "one", build: (directory) => finish(directory, "old") });
    const failing = place({
      root,
      key: "one",
      force: true,
      build: async () => {
        throw new Error("broken");
      },
    });
    await expect(failing).rejects.toThrow("broken");
    expect(await readFile(join(target, "part"), "utf8")).toBe("old");
    await place({ root, key: "one", force: true, build: (directory) => finish(directory, "new") });
    expect(await readFile(join(target, "part"), "utf8")).toBe("new");
    expect(await readdir(root)).toEqual(["one"]);
  });

  it("can be cancelled while it waits and while it builds", async () => {
    const root = await temporary();
    const cancel = new AbortController();
    const building = place({
      root,
      key: "one",
      signal: cancel.signal,
      build: async (directory) => {
        await finish(directory);
        cancel.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ code: "aborted" });
    expect(await readdir(root)).toEqual([]);
    const waiting = place({ root, key: "one", signal: AbortSignal.abort(), build: (path) => finish(path) });
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
  });

  it("gives one complete engine to two processes at once", async () => {
    const folder = await temporary();
    const root = join(folder, "engines");
    const program = await installer(folder);
    const children = [fork(program, [root, "build"]), fork(program, [root, "build"])];
    expect(await Promise.all(children.map(ended))).toEqual([0, 0]);
    expect(await readFile(join(folder, "builds"), "utf8")).toBe("x");
    expect(await readFile(join(root, "one", "part"), "utf8")).toBe("whole");
    expect(await readdir(root)).toEqual(["one"]);
  });

  it("recovers from a killed install, which leaves nothing that would be loaded", async () => {
    const folder = await temporary();
    const root = join(folder, "engines");
    await mkdir(root);
    const child = fork(await installer(folder), [root, "hang"]);
    await once(child, "message");
    child.kill("SIGKILL");
    await ended(child);
    expect((await readdir(root)).some((name) => name.startsWith(".unfinished-one"))).toBe(true);
    expect(await readInstalled(join(root, "one"))).toBeUndefined();

    let waited = 0;
    await place({
      root,
      key: "one",
      staleMilliseconds: 2000,
      onWait: () => waited++,
      build: (path) => finish(path),
    });
    expect(waited).toBe(1);
    expect(await readdir(root)).toEqual(["one"]);
  });
});
