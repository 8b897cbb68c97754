/** What a file system may hold besides files: links, pipes, odd names, what may not be read, what goes away. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tinyWebp } from "../test/crafted-images.js";
import { scratchFolder } from "../test/scratch.js";
import { type ImageFolderOptions, imageFolder, summarizeProblems } from "./index.js";

const scratch = scratchFolder();
// A tree deeper than a path may be long is more than Node's own removal can do.
afterAll(() => void execFileSync("rm", ["-rf", join(scratch, "deep")]));

const image = tinyWebp(4, 3, [10, 20, 30]);
const watchdog = { timeout: 15_000 };
const unix = process.platform !== "win32";

/** A new folder with one readable image. */
function folder(name: string): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  put(path, "ok.webp");
  return path;
}

function put(...path: string[]): string {
  const file = join(...path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, image);
  return file;
}

async function read(path: string, options: ImageFolderOptions = {}) {
  const dataset = await imageFolder(path, { maximumBadShare: 1, onProblem: () => undefined, ...options });
  const { storage } = dataset;
  return { dataset, paths: storage.kind === "files" ? storage.paths : [], problems: dataset.problems };
}

describe.runIf(unix)("entries that are no files", () => {
  it("does not open pipes, sockets and devices named as images", watchdog, async () => {
    const path = folder("special");
    execFileSync("mkfifo", [join(path, "pipe.jpg")]);
    symlinkSync("pipe.jpg", join(path, "link-to-pipe.jpg"));
    symlinkSync("/dev/zero", join(path, "zero.png"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(path, "socket.jpg"), resolve));
    const { paths, problems } = await read(path);
    server.close();
    expect(paths).toEqual(["ok.webp"]);
    expect(problems).toEqual([
      { path: "link-to-pipe.jpg", kind: "not-a-file", reason: "a pipe (FIFO), not a file" },
      { path: "pipe.jpg", kind: "not-a-file", reason: "a pipe (FIFO), not a file" },
      { path: "socket.jpg", kind: "not-a-file", reason: "a socket, not a file" },
      { path: "zero.png", kind: "not-a-file", reason: "a device, not a file" },
    ]);
  });

  it("does not wait for a pipe that takes an image's place later", watchdog, async () => {
    const path = folder("swapped");
    const { dataset } = await read(path);
    rmSync(join(path, "ok.webp"));
    execFileSync("mkfifo", [join(path, "ok.webp")]);
    await expect(dataset.image(0)).rejects.toMatchObject({ code: "bad-file", kind: "not-a-file" });
  });

  it("takes a folder named as an image for a folder", watchdog, async () => {
    const path = folder("folder.jpg");
    put(path, "inner.jpg", "a.webp");
    const { paths, problems } = await read(path);
    expect([paths, problems]).toEqual([["inner.jpg/a.webp", "ok.webp"], []]);
  });
});

describe.runIf(unix)("links", () => {
  it("lists broken and looping ones, and takes a file by each of its names", watchdog, async () => {
    const path = folder("links");
    symlinkSync("nowhere.jpg", join(path, "broken.jpg"));
    symlinkSync("self.jpg", join(path, "self.jpg"));
    symlinkSync("b.jpg", join(path, "a.jpg"));
    symlinkSync("a.jpg", join(path, "b.jpg"));
    symlinkSync("nowhere", join(path, "broken-without-ending"));
    symlinkSync(".", join(path, "folder-loop"));
    symlinkSync("ok.webp", join(path, "second.jpg"));
    linkSync(join(path, "ok.webp"), join(path, "third.png"));
    const { paths, problems } = await read(path);
    expect(paths).toEqual(["ok.webp", "second.jpg", "third.png"]);
    expect(problems).toEqual([
      { path: "a.jpg", kind: "link", reason: "a link that leads in a circle" },
      { path: "b.jpg", kind: "link", reason: "a link that leads in a circle" },
      { path: "broken.jpg", kind: "link", reason: "a link to nowhere.jpg, which is not there" },
      { path: "self.jpg", kind: "link", reason: "a link that leads in a circle" },
    ]);
  });

  it("ends where links make a billion paths of thirty folders", watchdog, async () => {
    const path = folder("many");
    const outside = join(scratch, "chain");
    for (let i = 0; i < 30; i++) {
      mkdirSync(join(outside, `${i}`), { recursive: true });
      for (const name of ["a", "b"]) symlinkSync(join(outside, `${i + 1}`), join(outside, `${i}`, name));
    }
    put(outside, "30", "end.webp");
    symlinkSync(join(outside, "0"), join(path, "start"));
    const { paths, problems } = await read(path);
    expect(paths).toHaveLength(17);
    expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(["link"]));
    expect(problems[0]?.reason).toBe("links lead to this folder by more than 16 names");
  });
});

describe("names", () => {
  // Two forms of the same letter, and letters of several scripts; a name on disk may have any character but "/" and NUL.
  const names = [
    "a b.webp",
    "é.webp",
    "e\u0301.webp",
    "日本.webp",
    "فارسی.webp",
    "📷.webp",
    "UPPER.WEBP",
    "-n.webp",
  ];
  const odd = ["line\nbreak.webp", "tab\t.webp", "\u001b[31mred.webp", "\u202egpj.webp", "back\\slash.webp"];

  it.runIf(process.platform === "linux")("reads files of any name", watchdog, async () => {
    const path = folder("names");
    rmSync(join(path, "ok.webp"));
    for (const name of [...names, ...odd]) put(path, name);
    const { dataset, paths, problems } = await read(path);
    expect([paths, problems]).toEqual([[...names, ...odd].sort(), []]);
    for (let i = 0; i < paths.length; i++)
      expect([...(await dataset.image(i)).data.slice(0, 3)]).toEqual([10, 20, 30]);
  });

  it.runIf(process.platform === "linux")(
    "shows names in messages without their control characters",
    async () => {
      const path = folder("forged");
      writeFileSync(join(path, "a\nAll images are fine.webp"), "");
      writeFileSync(join(path, "\u001b[2J.webp"), "text");
      const failure = await imageFolder(path, { maximumBadShare: 0 }).catch((error: Error) => error);
      const { message } = failure as Error;
      expect(message).toContain("\\u{1b}[2J.webp (no image but a text)");
      expect(message).toContain("a\\nAll images are fine.webp (an empty file (0 bytes))");
      expect(message).not.toMatch(/\p{Cc}/u);
      const { problems } = await read(path);
      expect(problems.map((problem) => problem.path)).toContain("a\nAll images are fine.webp");
      expect(summarizeProblems(problems).lines.join()).not.toMatch(/\p{Cc}/u);
    },
  );

  it.runIf(process.platform === "linux")("lists names that are no valid UTF-8", watchdog, async () => {
    const path = folder("bytes");
    const raw = (name: string) => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, "latin1")]);
    writeFileSync(raw("caf\xe9.webp"), image);
    writeFileSync(raw("notes\xe9.txt"), "text");
    mkdirSync(raw("folder\xff"));
    writeFileSync(raw("folder\xff/inner.webp"), image);
    // The character that invalid bytes are shown as may also be a name's own.
    put(path, "caf\ufffd.webp");
    const { paths, problems } = await read(path);
    expect(paths).toEqual(["caf\ufffd.webp", "ok.webp"]);
    expect(problems).toEqual([
      { path: "caf\\xe9.webp", kind: "bad-name", reason: "a file whose name is not valid UTF-8" },
      { path: "folder\\xff", kind: "bad-name", reason: "a folder whose name is not valid UTF-8" },
    ]);
  });

  it.runIf(process.platform === "linux")("takes the two forms of a class's name for one class", async () => {
    const path = join(scratch, "forms");
    put(path, "caf\u00e9", "1.webp");
    put(path, "cafe\u0301", "2.webp");
    put(path, "tea", "3.webp");
    const { dataset } = await read(path);
    expect([dataset.classes, dataset.labels]).toEqual([["caf\u00e9", "tea"], Int32Array.of(0, 0, 1)]);
    const named = await read(path, { classNames: ["tea", "cafe\u0301"] });
    expect(named.dataset.labels).toEqual(Int32Array.of(1, 1, 0));
  });
});

describe("files that are no images by their ending", () => {
  it("are passed over, counted, and the first of them named", async () => {
    const path = folder("others");
    for (const name of [".DS_Store", "._ok.webp", ".hidden.webp"]) writeFileSync(join(path, name), image);
    expect((await read(path)).dataset.otherFiles).toEqual({ count: 0, names: [] });
    mkdirSync(join(path, "b"));
    for (const name of ["a.txt", "b/IMG_1", "desktop.ini", "Thumbs.db"])
      writeFileSync(join(path, name), image);
    const { dataset, paths, problems } = await read(path);
    expect([paths, problems]).toEqual([["ok.webp"], []]);
    expect(dataset.otherFiles).toEqual({ count: 4, names: ["Thumbs.db", "a.txt", "b/IMG_1"] });
  });
});

describe("places that cannot be read", () => {
  it.runIf(unix)("lists files and folders without permission", watchdog, async () => {
    const path = folder("locked");
    chmodSync(put(path, "secret.webp"), 0);
    put(path, "closed", "a.webp");
    chmodSync(join(path, "closed"), 0);
    const { paths, problems } = await asOrdinaryUser(() => read(path));
    chmodSync(join(path, "closed"), 0o700);
    expect(paths).toEqual(["ok.webp"]);
    expect(problems).toEqual([
      { path: "closed", kind: "unreadable", reason: "permission denied (EACCES)" },
      { path: "secret.webp", kind: "unreadable", reason: "permission denied (EACCES)" },
    ]);
  });

  it.runIf(process.platform === "linux")(
    "reads a file that another process has locked",
    watchdog,
    async () => {
      const path = folder("locked-by-another");
      const holder = spawn("flock", ["-x", join(path, "ok.webp"), "sh", "-c", "echo locked; cat"]);
      try {
        await once(holder.stdout, "data");
        expect((await read(path)).paths).toEqual(["ok.webp"]);
      } finally {
        holder.stdin.end();
        await once(holder, "close");
      }
    },
  );

  it.runIf(process.platform === "linux")("goes into deep folders as far as paths go", watchdog, async () => {
    const path = folder("deep");
    const here = process.cwd();
    const name = "d".repeat(100);
    try {
      process.chdir(path);
      for (let depth = 1; depth <= 60; depth++) {
        mkdirSync(name);
        process.chdir(name);
        writeFileSync("a.webp", image);
      }
    } finally {
      process.chdir(here);
    }
    const { paths, problems } = await read(path);
    expect(paths.length).toBeGreaterThan(30);
    expect(problems).toMatchObject([{ kind: "unreadable", reason: "a path longer than the system allows" }]);
    expect(paths.every((file) => Buffer.from(`${path}/${file}`).length < 4096)).toBe(true);
  });
});

describe("files that go away", () => {
  it("lists those that vanish while they are looked at", watchdog, async () => {
    const path = folder("vanishing");
    for (let i = 0; i < 60; i++) put(path, `a${String(i).padStart(2, "0")}.webp`);
    let removed = false;
    const { paths, problems } = await read(path, {
      onProgress() {
        // The last in order, which no lane has begun yet.
        if (!removed) rmSync(join(path, "ok.webp"));
        removed = true;
      },
    });
    expect(paths).toHaveLength(60);
    expect(problems).toEqual([{ path: "ok.webp", kind: "missing", reason: "nothing at this path" }]);
  });

  it("names those that vanish or break later", watchdog, async () => {
    const path = folder("later");
    put(path, "b.webp");
    const { dataset } = await read(path);
    rmSync(join(path, "b.webp"));
    writeFileSync(join(path, "ok.webp"), image.subarray(0, 20));
    await expect(dataset.image(0)).rejects.toMatchObject({
      code: "missing-file",
      kind: "missing",
      message: `${join(path, "b.webp")}: expected a readable image, got: nothing at this path`,
    });
    await expect(dataset.image(1)).rejects.toMatchObject({ code: "bad-file", kind: "truncated" });
  });

  it.runIf(process.platform === "linux")("closes every file", watchdog, async () => {
    const path = folder("handles");
    for (let i = 0; i < 30; i++) writeFileSync(join(path, `${i}.webp`), i % 2 ? image : "text");
    const held = openSync(join(path, "1.webp"), "r");
    const { dataset } = await read(path);
    await dataset.image(0);
    // What this process has open in the folder: the one that the test holds, which shows that the count counts.
    const targets = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    });
    closeSync(held);
    expect(targets.filter((target) => target.startsWith(path))).toEqual([join(path, "1.webp")]);
  });
});

/** Runs `work` without root's right to read everything. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  chmodSync(scratch, 0o755);
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
