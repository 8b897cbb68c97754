import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { zip } from "../../../fixtures/archives.js";
import { temporaryFolders } from "./testing/temporary.js";
import { unpack } from "./unpack.js";

const temporary = temporaryFolders();

describe("unpack", () => {
  it("writes the wanted entries at their own paths", async () => {
    const folder = await temporary();
    const file = join(folder, "a.whl");
    await writeFile(
      file,
      zip([
        { name: "tensorflow/include/a.h", content: "header" },
        { name: "tensorflow/python/b.py", content: "no" },
      ]),
    );
    const wanted = (path: string) => path.startsWith("tensorflow/include/");
    expect(await unpack(file, join(folder, "out"), { wanted })).toEqual(["tensorflow/include/a.h"]);
    expect(await readFile(join(folder, "out", "tensorflow", "include", "a.h"), "utf8")).toBe("header");
  });

  it.each(["../outside", "a/../../outside", "/outside"])("refuses the entry %s", async (path) => {
    const folder = await temporary();
    const file = join(folder, "a.whl");
    await writeFile(file, zip([{ name: path, content: "evil" }]));
    const unpacking = unpack(file, join(folder, "out"), { wanted: () => true });
    await expect(unpacking).rejects.toMatchObject({ code: "engine-install" });
    await expect(readFile(join(folder, "outside"))).rejects.toThrow("ENOENT");
  });

  it("leaves what is there already, and no folder of its own", async () => {
    const folder = await temporary();
    const out = join(folder, "out");
    for (const name of ["a", "b"]) {
      await writeFile(join(folder, name), zip([{ name: `nvidia/${name}/lib/${name}.so`, content: name }]));
      await unpack(join(folder, name), out);
    }
    expect(await readFile(join(out, "nvidia", "a", "lib", "a.so"), "utf8")).toBe("a");
    expect(await readFile(join(out, "nvidia", "b", "lib", "b.so"), "utf8")).toBe("b");
    expect((await readdir(folder)).sort()).toEqual(["a", "b", "out"]);
  });

  it("refuses a cut archive", async () => {
    const folder = await temporary();
    const file = join(folder, "a.whl");
    await writeFile(
      file,
      zip([
        { name: "a", content: "text" },
        { name: "b", content: "text" },
      ]).subarray(0, 60),
    );
    const unpacking = unpack(file, folder, { wanted: () => true });
    await expect(unpacking).rejects.toThrow(/expected a whole tar or zip archive/);
  });
});
