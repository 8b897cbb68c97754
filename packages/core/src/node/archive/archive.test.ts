import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { paxRecord, type TarEntry, tar, type ZipEntry, zip } from "../../../../../fixtures/archives.js";
import { failure, scratchFolder } from "../../../../../fixtures/own-folder.js";
import { printable } from "../../errors.js";
import { type ArchiveOptions, extractArchive } from "../index.js";
import { entryParts } from "./entry-paths.js";

const scratch = scratchFolder();

async function archive(bytes: Uint8Array, name = "archive"): Promise<string> {
  const file = join(scratch(), name);
  await writeFile(file, bytes);
  return file;
}

const unpack = async (bytes: Uint8Array, options: Partial<ArchiveOptions> = {}) =>
  extractArchive({ file: await archive(bytes), to: join(scratch(), "out"), maximumBytes: 1e6, ...options });

/** Unpacking must fail, change nothing that was there and leave nothing else. */
async function refused(bytes: Uint8Array, options: Partial<ArchiveOptions> = {}): Promise<string> {
  await mkdir(join(scratch(), "out"), { recursive: true });
  await writeFile(join(scratch(), "out", "earlier"), "stays");
  const error = await failure(unpack(bytes, options));
  expect(error.code).toBe("bad-file");
  expect(error.message).toContain(join(scratch(), "archive"));
  expect((await readdir(scratch())).sort()).toEqual(["archive", "out"]);
  expect(await readdir(join(scratch(), "out"))).toEqual(["earlier"]);
  expect(await readFile(join(scratch(), "out", "earlier"), "utf8")).toBe("stays");
  return error.message;
}

const read = (...parts: string[]) => readFile(join(scratch(), "out", ...parts), "utf8");
const large = "0123456789".repeat(50_000);
const contents = [
  { name: "a.txt", content: "first" },
  { name: "empty", content: "" },
  { name: "./deep//folder/ünïcode name\u3042.txt", content: large },
];
const formats: [string, Uint8Array][] = [
  ["tar", tar(contents)],
  ["gzipped tar", gzipSync(tar(contents))],
  ["zip", zip(contents)],
];

describe("extractArchive", () => {
  it.each(formats)("unpacks a %s, in place of what was there", async (_, bytes) => {
    await mkdir(join(scratch(), "out"));
    await writeFile(join(scratch(), "out", "old"), "old");
    const paths = ["a.txt", "empty", "deep/folder/ünïcode name\u3042.txt"];
    const fractions: number[] = [];
    const onProgress = ({ fraction }: { fraction: number }) => fractions.push(fraction);
    expect(await unpack(bytes, { onProgress })).toEqual(paths);
    expect(await Promise.all(paths.map((path) => read(...path.split("/"))))).toEqual(["first", "", large]);
    expect((await readdir(join(scratch(), "out"))).sort()).toEqual(["a.txt", "deep", "empty"]);
    expect((await readdir(scratch())).sort()).toEqual(["archive", "out"]);
    expect(fractions.at(-1)).toBe(1);
  });

  it.each(formats)("of a %s writes what is wanted alone", async (_, bytes) => {
    expect(await unpack(bytes, { wanted: (path) => path.startsWith("deep/") })).toHaveLength(1);
    expect(await readdir(join(scratch(), "out"))).toEqual(["deep"]);
  });

  it("reads the long names of pax and GNU tar", async () => {
    const long = `${"long/".repeat(40)}name`;
    const pax = paxRecord("path", `${long}-pax`);
    await unpack(
      tar([
        { name: "header", type: "extendedHeader", content: pax },
        { name: "short", content: "pax" },
        { name: "././@LongLink", type: "longName", content: `${long}-gnu\0` },
        { name: "short", content: "gnu" },
      ]),
    );
    expect(await read(`${long}-pax`)).toBe("pax");
    expect(await read(`${long}-gnu`)).toBe("gnu");
  });

  it.skipIf(process.platform === "win32")("takes no modes", async () => {
    await unpack(tar([{ name: "run", content: "#!/bin/sh", mode: 0o4777 }]));
    expect((await stat(join(scratch(), "out", "run"))).mode & 0o7111).toBe(0);
    await unpack(zip([{ name: "run", content: "#!/bin/sh", mode: 0o106777 }]));
    expect((await stat(join(scratch(), "out", "run"))).mode & 0o7111).toBe(0);
  });

  it("leaves an archive in an archive as it is, and one without files is a folder without files", async () => {
    const inner = zip([{ name: "bomb", content: large }]);
    expect(await unpack(zip([{ name: "inner.zip", content: inner }]), { maximumBytes: 5000 })).toEqual([
      "inner.zip",
    ]);
    expect(await readFile(join(scratch(), "out", "inner.zip"))).toEqual(inner);
    expect(await unpack(tar([{ name: "folder/", type: "folder" }]))).toEqual([]);
    expect(await readdir(join(scratch(), "out"))).toEqual([]);
  });

  it("leaves nothing when it is cancelled", async () => {
    const stop = new AbortController();
    const many = Array.from({ length: 50 }, (_, i) => ({ name: `file-${i}`, content: large.slice(0, 9999) }));
    for (const bytes of [tar(many), gzipSync(tar(many)), zip(many)]) {
      const working = unpack(bytes, { signal: stop.signal, onProgress: () => stop.abort() });
      expect((await failure(working)).code).toBe("aborted");
      expect(await readdir(scratch())).toEqual(["archive"]);
    }
  });

  it("names a file that is missing, is no archive, or has no end", async () => {
    const none = extractArchive({ file: join(scratch(), "none"), to: scratch(), maximumBytes: 1 });
    expect((await failure(none)).code).toBe("missing-file");
    for (const text of ["", "x", "PK", "PK\x03\x04", "\x1f\x8b", "<html>sign in</html>", large]) {
      expect(await refused(Buffer.from(text, "latin1"))).toMatch(/expected a whole tar or zip archive/);
    }
  });

  it("checks its options", async () => {
    expect((await failure(unpack(zip([]), { maximumBytes: Number.NaN }))).message).toMatch(/^maximumBytes/);
    expect((await failure(unpack(zip([]), { maximumEntries: -1 }))).message).toMatch(/^maximumEntries/);
  });
});

const both = (entries: readonly (TarEntry & ZipEntry)[]): [string, Uint8Array][] => [
  ["tar", tar(entries)],
  ["zip", zip(entries)],
];

describe("a hostile archive is refused", () => {
  const names = [
    "../outside",
    "a/../../outside",
    "..",
    "/outside",
    "C:/outside",
    "c:outside",
    "a\u0001b",
    "new\nline",
    "a\u009bb",
    `${"x".repeat(300)}`,
    `${"deep/".repeat(300)}x`,
  ];
  const named = names.flatMap((name) =>
    both([{ name: "good", content: "x" }, ...(name.length < 100 ? [{ name, content: "evil" }] : [])]).map(
      ([format, bytes]) => [name.slice(0, 20), format, bytes] as const,
    ),
  );
  it.each(named.filter(([name]) => name.length < 20))("for the name %j in a %s", async (name, _, bytes) => {
    const message = await refused(bytes);
    // The zip reader has its own words for some of them.
    expect(message).toMatch(/refused, since the entry|absolute path|invalid relative path/);
    if (message.includes("refused")) expect(message).toContain(printable(JSON.stringify(name)));
    expect(printable(message)).toBe(message);
  });

  it("for names that are too long, or hold a NUL or a backslash", async () => {
    for (const name of names.slice(-2)) {
      expect(await refused(zip([{ name, content: "x" }]))).toContain("too long");
      const pax = { name: "header", type: "extendedHeader", content: paxRecord("path", name) } as const;
      expect(await refused(tar([pax, { name: "short", content: "x" }]))).toContain("too long");
    }
    expect(await refused(zip([{ name: "a\0b", content: "x" }]))).toContain("control characters");
    expect(await refused(tar([{ name: "..\\outside", content: "x" }]))).toMatch(/backslash|leads out/);
    expect(await refused(zip([{ name: "..\\outside", content: "x" }]))).toMatch(/invalid relative path/);
  });

  const pairs = [
    ["a/B", "a/b"],
    ["Folder/x", "folder/y"],
    ["caf\u00e9", "cafe\u0301"],
    ["straße", "strasse"],
    ["same", "./same"],
    ["a", "a/b"],
    ["a/b", "a"],
  ] as const;
  it.each(pairs)("for %j and %j in one archive", async (first, second) => {
    for (const [, bytes] of both([first, second].map((name) => ({ name, content: name })))) {
      expect(await refused(bytes)).toMatch(/is on some systems the same as/);
    }
  });

  it.each([
    ["symbolicLink", 0o120777, "symbolic link"],
    ["hardLink", undefined, "hard link"],
    ["characterDevice", 0o020666, "character device"],
    ["blockDevice", 0o060666, "block device"],
    ["pipe", 0o010666, "pipe"],
    ["sparse", 0o140666, "kind SparseFile|is a socket"],
  ] as const)("for a %s", async (type, mode, said) => {
    const link = type.endsWith("Link") ? "/etc/passwd" : undefined;
    const good = { name: "good", content: "x" };
    expect(await refused(tar([good, { name: "bad", type, link }]))).toMatch(new RegExp(`"bad" is .*${said}`));
    if (mode === undefined) return;
    expect(await refused(zip([good, { name: "bad", mode, content: "/etc" }]))).toMatch(
      new RegExp(`"bad" is .*${said}`),
    );
  });

  it("for writing through a link of its own, before the link is made", async () => {
    const entries = [
      { name: "link", type: "symbolicLink", link: scratch() },
      { name: "link/outside", content: "evil" },
    ] as const;
    expect(await refused(tar(entries))).toContain("symbolic link");
    // Left out by name, it is no link that anything could go through.
    expect(await unpack(tar(entries), { wanted: (path) => path !== "link" })).toEqual(["link/outside"]);
    expect(await read("link", "outside")).toBe("evil");
    expect((await readdir(scratch())).sort()).toEqual(["archive", "out"]);
  });

  it("for more bytes than allowed: a bomb stops before it has filled anything", async () => {
    const zeros = Buffer.alloc(50e6);
    expect(await refused(zip([{ name: "bomb", content: zeros }]))).toContain("at most 1000000 bytes");
    expect(await refused(gzipSync(tar([{ name: "bomb", content: zeros }])))).toContain(
      "at most 1000000 bytes",
    );
    // The size in the header is a lie, or what fills the stream is no entry at all.
    expect(await refused(zip([{ name: "bomb", content: zeros, size: 10 }]))).toMatch(/too many bytes/);
    expect(await refused(gzipSync(zeros))).toMatch(/end is missing|at most|whole tar/);
    const padding = {
      name: "h",
      type: "extendedHeader",
      content: paxRecord("comment", "x".repeat(9e5)),
    } as const;
    const headers = gzipSync(tar(Array(30).fill(padding)));
    expect(await refused(headers, { maximumEntries: 10 })).toContain("at most 1000000 bytes");
    const ten = Array.from({ length: 10 }, (_, i) => ({ name: `${i}`, content: zeros.subarray(0, 2e5) }));
    for (const [, bytes] of both(ten)) expect(await refused(bytes)).toContain("at most 1000000 bytes");
    // What is not wanted counts too, as it has to be read.
    for (const [, bytes] of both(ten)) await refused(bytes, { wanted: () => false });
  });

  it("for a gzip file in a gzip file, which could unpack past the limits", async () => {
    expect(await refused(gzipSync(gzipSync(tar(contents))))).toContain("gzip file in a gzip file");
  });

  it("for more entries than allowed", async () => {
    const many = Array.from({ length: 11 }, (_, i) => ({ name: `${i}` }));
    for (const [, bytes] of both(many)) {
      expect(await refused(bytes, { maximumEntries: 10 })).toContain("at most 10 entries");
    }
    for (const [, bytes] of both(many)) {
      expect(await unpack(bytes, { maximumEntries: 11 })).toHaveLength(11);
    }
  });

  it("for encryption, a wrong checksum or a wrong size", async () => {
    expect(await refused(zip([{ name: "secret", encrypted: true }]))).toContain('"secret" is encrypted');
    expect(await refused(zip([{ name: "a", content: "text", crc: 1 }]))).toContain(
      '"a" has another checksum',
    );
    expect(await refused(zip([{ name: "a", content: "text", size: 5 }]))).toMatch(/not enough bytes/);
    expect(await refused(tar([{ name: "a", content: "text", size: 2 ** 32 }]))).toContain("at most");
    const damaged = tar([{ name: "a", content: "text" }]);
    damaged[3] = 1;
    expect(await refused(damaged)).toContain("checksum failure");
  });

  it("wherever it is cut off", async () => {
    for (const [, bytes] of formats) {
      const cuts = Array.from({ length: 40 }, (_, i) => Math.floor((i * (bytes.length - 1025)) / 39));
      for (const length of cuts) await refused(bytes.subarray(0, length));
    }
    expect(await refused(tar(contents, { end: false }))).toContain("end is missing");
  }, 120_000);
});

describe("entryParts", () => {
  it("on Windows refuses devices, streams and endings that it drops", () => {
    for (const name of ["con", "a/NUL.txt", "com1", "a:b", "a./b", "a ", "what?"]) {
      expect(() => entryParts(name, "win32")).toThrow(/Windows|drive/);
      if (!name.includes(":")) expect(entryParts(name, "linux").join("/")).toBe(name);
    }
    expect(entryParts("console/a.b c", "win32")).toEqual(["console", "a.b c"]);
  });
});
