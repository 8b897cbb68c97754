import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { tar, zip } from "../../../../fixtures/archives.js";
import { breakAfter, type Handler, serve, testServer } from "../../../../fixtures/https-server.js";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { smallDisks } from "../../../../fixtures/small-disk.js";
import { type DownloadDatasetOptions, downloadDataset } from "./download.js";
import type { CatalogueEntry, CatalogueFile } from "./entry.js";
import { datasetState, downloadedDataset } from "./record.js";

const server = testServer();
const scratch = scratchFolder();
const smallDisk = smallDisks();
const folder = () => join(scratch(), "some-images");

const images = Object.fromEntries(["a", "b", "c"].map((name) => [name, randomBytes(300_000)]));
const file = (name: string) => ({ name, content: images[name.split("/").at(-1)?.[0] as string] as Buffer });
const served: Record<string, Buffer> = {
  // Both hold the same folder, as VOC's do.
  "first.tar.gz": gzipSync(tar([file("kit/a.jpg"), file("kit/b.jpg")])),
  "second.zip": zip([file("kit/c.jpg")]),
  "labels.txt.gz": gzipSync("a 0\nb 1\nc 0\n"),
};
const sum = (bytes: Uint8Array, name = "sha256") => createHash(name).update(bytes).digest("hex");
const limits = { files: 2, bytes: 700_000 };

function describedFile(name: string, changes: Partial<CatalogueFile> = {}): CatalogueFile {
  const content = served[name] as Buffer;
  const archive = name.startsWith("labels") ? undefined : limits;
  const url = `${server.origin}/${name}`;
  return { name, url, bytes: content.length, md5: sum(content, "md5"), archive, ...changes };
}

function entryOf(files: readonly CatalogueFile[]): CatalogueEntry {
  return {
    name: "some-images",
    title: "Some Images",
    homepage: "https://example.org/some",
    licence: "CC0",
    channels: 3,
    labels: "one",
    classes: 2,
    parts: [{ name: "train", images: 3, labelled: true }],
    files,
    byHand: "Sign in at example.org and unpack kit.zip.",
    open: () => Promise.reject(new Error("not read here")),
  };
}

const all = () => entryOf(Object.keys(served).map((name) => describedFile(name)));
const get = (entry = all(), changes: DownloadDatasetOptions = {}) =>
  downloadDataset(entry, folder(), {
    ca: server.ca,
    patienceMilliseconds: 20_000,
    pauseMilliseconds: 10,
    tries: 2,
    ...changes,
  });

/** Serves these files, and notes which were asked for. */
function answer(handlers: Record<string, Handler> = {}): string[] {
  const asked: string[] = [];
  server.answer((request, response) => {
    const name = (request.url ?? "").slice(1);
    asked.push(name);
    const content = served[name];
    const handler = handlers[name] ?? (content && serve(content));
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  return asked;
}

/** Sends without saying how much. */
function unmeasured(response: ServerResponse, bytes: Buffer): void {
  response.write(bytes);
  response.end();
}

const content = (path: string) => readFile(join(folder(), path));
const paths = async () =>
  (await readdir(folder(), { recursive: true, withFileTypes: true }))
    .filter((found) => found.isFile() && !found.parentPath.includes(".sitjs"))
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder().length + 1))
    .sort();
const whole = ["kit/a.jpg", "kit/b.jpg", "kit/c.jpg", "labels.txt.gz"];

async function succeeded(): Promise<void> {
  expect(await paths()).toEqual(whole);
  for (const name of ["a", "b", "c"])
    expect((await content(`kit/${name}.jpg`)).equals(images[name] as Buffer)).toBe(true);
  expect(await datasetState(all(), folder())).toBe("complete");
}

describe("downloadDataset", () => {
  it("brings all files, unpacks archives into one another, and says how far it is", async () => {
    answer();
    const progress: string[] = [];
    const told: DownloadDatasetOptions["onProgress"] = ({ file: name, step, doneBytes, totalBytes }) =>
      progress.push(`${step} ${name} ${doneBytes === totalBytes ? "whole" : "part"}`);
    expect(await datasetState(all(), folder())).toBe("none");
    const done = await get(all(), { onProgress: told });
    expect(done).toEqual({ folder: folder(), fetched: Object.keys(served) });
    await succeeded();
    expect(await downloadedDataset(folder())).toBe("some-images");
    const steps = [
      "download first.tar.gz",
      "unpack first.tar.gz",
      "download second.zip",
      "unpack second.zip",
    ];
    for (const step of [...steps, "download labels.txt.gz"]) expect(progress).toContain(`${step} whole`);
    expect(await readdir(join(folder(), ".sitjs"))).not.toContain("unpacked");
  });

  it("asks for nothing the second time, and for what was deleted or cut since", async () => {
    answer();
    await get();
    const asked = answer();
    expect((await get()).fetched).toEqual([]);
    expect(asked).toEqual([]);
    await rm(join(folder(), "kit", "a.jpg"));
    expect((await get()).fetched).toEqual(["first.tar.gz"]);
    await succeeded();
    await writeFile(join(folder(), "kit", "c.jpg"), "cut");
    await rm(join(folder(), "labels.txt.gz"));
    expect((await get()).fetched).toEqual(["second.zip", "labels.txt.gz"]);
    await succeeded();
  });

  it("fetches a file again whose sum in the catalogue is another now", async () => {
    answer();
    await get();
    const before = served["labels.txt.gz"] as Buffer;
    try {
      served["labels.txt.gz"] = gzipSync("a 1\nb 1\nc 0\n");
      expect(await datasetState(all(), folder())).not.toBe("complete");
      expect((await get()).fetched).toEqual(["labels.txt.gz"]);
      expect(await content("labels.txt.gz")).toEqual(served["labels.txt.gz"]);
    } finally {
      served["labels.txt.gz"] = before;
    }
  });

  it("does it once where two ask at once", async () => {
    const asked = answer();
    const waited: string[] = [];
    const onWait = () => waited.push("waited");
    const [first, second] = await Promise.all([get(all(), { onWait }), get(all(), { onWait })]);
    expect([...first.fetched, ...second.fetched].sort()).toEqual(Object.keys(served).sort());
    expect(asked).toHaveLength(3);
    expect(waited).toEqual(["waited"]);
    await succeeded();
  });

  it("goes on with a file that broke off, in the next call too", async () => {
    const broken = breakAfter(200_000, serve(served["first.tar.gz"] as Buffer));
    answer({ "first.tar.gz": broken });
    const error = await failure(get(all(), { tries: 1 }));
    expect(error).toMatchObject({
      code: "network",
      mend: expect.stringMatching(/goes on.*by hand at .*first/),
    });
    expect(error.message).toMatch(/^Some Images: https:/);
    expect(await datasetState(all(), folder())).toBe("started");
    answer();
    await get();
    expect(server.ranges[0]).toMatch(/^bytes=[1-9]/);
    await succeeded();
  });

  it("goes on after a failure between the files", async () => {
    answer({ "second.zip": (_, response) => response.writeHead(404).end() });
    expect(await failure(get())).toMatchObject({ code: "network", message: expect.stringContaining("404") });
    expect(await paths()).toEqual(["kit/a.jpg", "kit/b.jpg"]);
    const asked = answer();
    await get();
    expect(asked).toEqual(["second.zip", "labels.txt.gz"]);
    await succeeded();
  });

  it("takes a file that was put there by hand", async () => {
    await mkdir(folder());
    await writeFile(join(folder(), "first.tar.gz"), served["first.tar.gz"] as Buffer);
    expect(await datasetState(all(), folder())).toBe("by-hand");
    const asked = answer();
    await get();
    expect(asked).toEqual(["second.zip", "labels.txt.gz"]);
    await succeeded();
  });

  it("follows a redirect to HTTPS, and refuses one to HTTP", async () => {
    const to =
      (location: string): Handler =>
      (_, response) =>
        response.writeHead(302, { location }).end();
    answer({ "first.tar.gz": to("/moved"), moved: serve(served["first.tar.gz"] as Buffer) });
    await get();
    await succeeded();
    await rm(join(folder(), "kit", "a.jpg"));
    answer({ "first.tar.gz": to(`${server.origin.replace("https:", "http:")}/first.tar.gz`) });
    expect(await failure(get())).toMatchObject({
      code: "network",
      message: expect.stringContaining("https://"),
    });
  });

  it.each<[string, (bytes: Buffer, response: ServerResponse) => void, string, RegExp]>([
    [
      "more than it should be",
      (bytes, to) => unmeasured(to, Buffer.concat([bytes, bytes])),
      "bad-file",
      /bytes, got/,
    ],
    [
      "a length that is too large",
      (bytes, to) => to.writeHead(200, { "content-length": 9e8 }).end(bytes),
      "bad-file",
      /got 900000000 bytes/,
    ],
    [
      "a length that is too small",
      (bytes, to) => to.writeHead(200, { "content-length": 100 }).end(bytes.subarray(0, 100)),
      "bad-file",
      /got 100 bytes/,
    ],
    [
      "less without a length",
      (bytes, to) => unmeasured(to, bytes.subarray(0, 1000)),
      "network",
      /ended after 1000/,
    ],
    [
      "another file of the same length",
      (bytes, to) => to.end(randomBytes(bytes.length)),
      "bad-file",
      /expected a file with md5 .*, got/,
    ],
  ])("names a server that sends %s", async (_, lie, code, message) => {
    answer({ "second.zip": (_request, response) => lie(served["second.zip"] as Buffer, response) });
    const error = await failure(get(entryOf([describedFile("second.zip")])));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).toContain(`${server.origin}/second.zip`);
    expect(error.mend).toContain("https://example.org/some");
    expect((await paths()).filter((path) => !path.includes(".partial"))).toEqual([]);
    answer();
    await get();
    await succeeded();
  });

  it("wants the certificate to be right", async () => {
    answer();
    expect(await failure(get(all(), { ca: undefined }))).toMatchObject({
      code: "network",
      message: expect.stringMatching(/self.signed/),
    });
  });
});

describe("an archive that is hostile", () => {
  const hostile: [string, Buffer, RegExp][] = [
    ["leads out of its folder", tar([file("kit/a.jpg"), { name: "../b.jpg", content: "out" }]), /leads out/],
    ["has an absolute path", zip([{ name: "/etc/b.jpg", content: "out" }]), /absolute path/],
    [
      "has a symbolic link",
      tar([{ name: "kit", type: "symbolicLink", link: "/tmp" }, file("kit/a.jpg")]),
      /symbolic link/,
    ],
    [
      "has a hard link",
      tar([file("kit/a.jpg"), { name: "b", type: "hardLink", link: "kit/a.jpg" }]),
      /hard link/,
    ],
    ["is a bomb", gzipSync(tar([{ name: "zeros", content: Buffer.alloc(5e6) }])), /at most 700000 bytes/],
    [
      "has countless files",
      tar(Array.from({ length: 1100 }, (_, i) => ({ name: `f${i}`, content: "" }))),
      /at most 1004 entries/,
    ],
    [
      "ends too early",
      tar([file("kit/a.jpg")], { end: false }).subarray(0, 100_000),
      /expected a whole tar or zip/,
    ],
  ];
  it.each(hostile)("%s is refused as a whole", async (_, bytes, message) => {
    served["bad.tar"] = bytes;
    try {
      answer();
      // What came before it stays as it is.
      await get(entryOf([describedFile("second.zip")]));
      const error = await failure(get(entryOf([describedFile("second.zip"), describedFile("bad.tar")])));
      expect(error).toMatchObject({ code: "bad-file", message: expect.stringMatching(message) });
      expect(await paths()).toEqual(["bad.tar", "kit/c.jpg"]);
      expect(await readdir(scratch())).toEqual(["some-images"]);
      expect((await readdir(join(folder(), ".sitjs"))).sort()).toEqual(["record.json", "second.zip.list"]);
    } finally {
      delete served["bad.tar"];
    }
  });
});

describe("a data set that cannot be had", () => {
  it("by a program says what to do", async () => {
    const error = await failure(get(entryOf([])));
    expect(error).toMatchObject({
      code: "missing-file",
      mend: expect.stringMatching(/Sign in .*kit\.zip.*some-images/),
    });
    expect(existsSync(folder())).toBe(false);
  });

  it("for want of room is refused before anything is asked for, by what is still to come", async () => {
    const asked = answer();
    const huge = { bytes: 2 ** 52 };
    const error = await failure(get(entryOf([describedFile("second.zip", huge)])));
    expect(error).toMatchObject({
      code: "disk",
      message: expect.stringMatching(/some-images: expected at least 90071\S+ GB/),
    });
    expect(asked).toEqual([]);
  });

  it("for want of room while it is unpacked leaves the archive, and goes on with room", async ({ skip }) => {
    if (!smallDisk(folder(), 1000)) return skip("a small disk cannot be mounted here");
    const name = "first.tar.gz";
    // Little to fetch, and much in it.
    const archive = gzipSync(
      tar([file("kit/a.jpg"), { name: "kit/b.jpg", content: Buffer.alloc(2_000_000) }]),
    );
    const described = { bytes: archive.length, md5: sum(archive, "md5"), archive: { files: 2, bytes: 3e6 } };
    const entry = entryOf([describedFile(name, described)]);
    answer({ [name]: serve(archive) });
    expect(await failure(get(entry))).toMatchObject({
      code: "disk",
      message: expect.stringMatching(/some-images\S+unpacked: cannot be written \(ENOSPC/),
    });
    expect(await paths()).toEqual([name]);
    expect(await datasetState(entry, folder())).toBe("started");
    smallDisk(folder(), 8000);
    const asked = answer();
    await get(entry);
    expect(asked).toEqual([]);
    expect(await paths()).toEqual(["kit/a.jpg", "kit/b.jpg"]);
  });

  it("where its folder cannot be made is named", async () => {
    await writeFile(folder(), "a file");
    expect(await failure(get())).toMatchObject({
      code: "disk",
      message: expect.stringContaining("some-images"),
    });
  });

  it("is cancelled by the signal, and gone on with", async () => {
    answer();
    const stop = new AbortController();
    const stopped = get(all(), {
      signal: stop.signal,
      onProgress: ({ step }) => step === "unpack" && stop.abort(),
    });
    expect(await failure(stopped)).toMatchObject({ code: "aborted" });
    const asked = answer();
    await get();
    // The archive was whole: its sum is compared, and it is not fetched again.
    expect(asked).toEqual(["second.zip", "labels.txt.gz"]);
    await succeeded();
  });
});

it.each(["download first.tar.gz", "unpack first.tar.gz", "unpack second.zip", "download labels.txt.gz"])(
  "goes on where a process was killed: %s",
  async (moment) => {
    const program = await killableProgram();
    answer();
    const options = { entry: all(), folder: folder(), ca: server.ca, moment };
    const child = fork(program, [JSON.stringify(options)]);
    await once(child, "message", { signal: AbortSignal.timeout(20_000) });
    child.kill("SIGKILL");
    await once(child, "exit");
    await forgetLocks();
    expect(await datasetState(all(), folder())).toBe("started");
    const asked = answer();
    await get();
    await succeeded();
    if (moment.endsWith("second.zip")) expect(asked).toEqual(["labels.txt.gz"]);
    const left = await readdir(join(folder(), ".sitjs"));
    expect(left.filter((name) => !name.endsWith(".list"))).toEqual(["record.json"]);
  },
  40_000,
);

/** Locks that nobody touches are taken for those of the dead after some seconds, which are not waited for here. */
async function forgetLocks(): Promise<void> {
  const longAgo = new Date(Date.now() - 3_600_000);
  const found = await readdir(folder(), { recursive: true });
  const locks = found.filter((path) => /lock$/.test(path));
  expect(locks).toContain(join(".sitjs", "lock"));
  for (const path of locks) await utimes(join(folder(), path), longAgo, longAgo);
}

/** Downloads, and stands still at a moment: then it says so, and waits to be killed. */
async function killableProgram(): Promise<string> {
  const outfile = join(scratch(), "program.mjs");
  await build({
    stdin: {
      contents: `
        import { downloadDataset } from "./download.js";
        const { entry, folder, ca, moment } = JSON.parse(process.argv[2]);
        const onProgress = ({ step, file }) => {
          if (\`\${step} \${file}\` !== moment) return;
          process.send("there");
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        };
        await downloadDataset(entry, folder, { ca, onProgress });`,
      resolveDir: import.meta.dirname,
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@sitjs/source"],
    external: ["sharp"],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    outfile,
    logLevel: "error",
  });
  return outfile;
}
