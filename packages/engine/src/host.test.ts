import { chmod, mkdir, realpath, symlink, utimes, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { nodeHost } from "./host.js";
import { temporaryFolders } from "./testing/temporary.js";

const temporary = temporaryFolders();
afterEach(() => vi.unstubAllEnvs());

describe.skipIf(process.platform === "win32")("findExecutable", () => {
  it("is the first program of that name on the path, links followed; no folder, and no file that cannot be run", async () => {
    const [first, second] = [await temporary(), await temporary()];
    await mkdir(join(first, "tool"));
    await writeFile(join(first, "text"), "not a program");
    const program = join(second, "tool-12");
    await writeFile(program, "12345");
    await chmod(program, 0o755);
    await utimes(program, 1000, 1000);
    await symlink(program, join(second, "tool"));
    vi.stubEnv("PATH", [first, second].join(delimiter));
    const { findExecutable } = nodeHost();
    const found = { path: await realpath(program), bytes: 5, modifiedMilliseconds: 1_000_000 };
    expect(await findExecutable("tool")).toEqual(found);
    expect(await findExecutable(join(second, "tool"))).toEqual(found);
    expect(await findExecutable("text")).toBeUndefined();
    expect(await findExecutable("no-such-tool")).toBeUndefined();
  });
});
