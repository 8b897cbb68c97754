import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { breakAfter, type Handler, serve, testServer } from "../../../../../fixtures/https-server.js";
import { failure, scratchFolder } from "../../../../../fixtures/own-folder.js";
import { smallDisks } from "../../../../../fixtures/small-disk.js";
import { type DownloadOptions, downloadFacts, downloadFile, downloadText } from "../index.js";

const server = testServer();
const scratch = scratchFolder();
const smallDisk = smallDisks();
afterEach(() => vi.unstubAllEnvs());

const content = randomBytes(3_000_000);
const other = randomBytes(content.length);
const hash = (bytes: Uint8Array, name = "sha256") => createHash(name).update(bytes).digest("hex");
const sha256 = hash(content);
const target = () => join(scratch(), "folder", "file");

/** Too little for a machine that is busy: where the server is to be waited for in vain, and only there. */
const LITTLE_PATIENCE = 300;

/** A download with short pauses. */
const download = (changes: Partial<DownloadOptions> = {}) =>
  downloadFile({
    url: `${server.origin}/file`,
    to: target(),
    sha256,
    maximumBytes: 5e6,
    patienceMilliseconds: 20_000,
    pauseMilliseconds: 10,
    tries: 3,
    ca: server.ca,
    ...changes,
  });

/** Another answer each time, the last one again and again. */
function inTurn(...handlers: Handler[]): Handler {
  let turn = 0;
  return (request, response) => handlers[Math.min(turn++, handlers.length - 1)]?.(request, response);
}

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end("no");

const files = async () => (await readdir(join(scratch(), "folder"))).sort();
// A connection that breaks may take its last bytes along, so where exactly it goes on is not known.
const resumed = expect.stringMatching(/^bytes=[1-9]\d*-$/);
const kept = ["file.partial", "file.partial.json"];

async function succeeded(): Promise<void> {
  expect(hash(await readFile(target()))).toBe(sha256);
  expect(await files()).toEqual(["file"]);
}

/** The download ends so, and leaves these files. */
async function fails(
  code: string,
  message: RegExp,
  left: readonly string[],
  changes: Partial<DownloadOptions> = {},
): Promise<void> {
  const error = await failure(download(changes), 15_000);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  if (code === "network" || code === "bad-file") expect(error.message).toContain(server.origin);
  expect(await files()).toEqual(left);
}

describe("downloadFile", () => {
  it("brings a file, by either sum, over what was there, and says how far it is", async () => {
    server.answer(serve(content));
    await mkdir(join(scratch(), "folder"));
    await writeFile(target(), "earlier");
    const progress: unknown[] = [];
    await download({ onProgress: (now) => progress.push(now) });
    await succeeded();
    expect(progress.length).toBeGreaterThan(2);
    expect(progress.at(-1)).toEqual({ receivedBytes: content.length, totalBytes: content.length });
    await download({ sha256: undefined, md5: hash(content, "md5").toUpperCase(), to: `${target()}2` });
    expect(await files()).toEqual(["file", "file2"]);
  });

  it("brings an empty file", async () => {
    server.answer(serve(Buffer.alloc(0)));
    await download({ sha256: hash(Buffer.alloc(0)), bytes: 0 });
    expect(await files()).toEqual(["file"]);
  });

  it("asks for nothing where the file is there, and again where it is another", async () => {
    server.answer(serve(content));
    await download();
    await download({ bytes: content.length });
    expect(server.ranges).toEqual([""]);
    await writeFile(target(), other);
    await download();
    expect(server.ranges).toEqual(["", ""]);
    await succeeded();
  });

  it("downloads once where two ask at once", async () => {
    server.answer(serve(content));
    await Promise.all([download(), download()]);
    expect(server.ranges).toEqual([""]);
    await succeeded();
  });

  it("goes on in the middle, within a call and in the next one", async () => {
    server.answer(inTurn(breakAfter(1_000_000, serve(content)), serve(content)));
    await download();
    expect(server.ranges).toEqual(["", resumed]);
    await succeeded();

    server.answer(breakAfter(1_500_000, serve(content)));
    const to = `${target()}2`;
    const error = await failure(download({ tries: 1, to }));
    expect(error).toMatchObject({ code: "network", mend: expect.stringContaining("goes on") });
    server.answer(serve(content));
    await download({ to });
    expect(server.ranges).toEqual([resumed]);
    expect(await files()).toEqual(["file", "file2"]);
  });

  it("goes on without a mark of the content, and with a weak one", async () => {
    for (const etag of [undefined, 'W/"weak"']) {
      const good = serve(content, { etag });
      server.answer(inTurn(breakAfter(500_000, good), good));
      await download();
      expect(server.ranges).toEqual(["", resumed]);
      await succeeded();
      await writeFile(target(), "again");
    }
  });

  it("has as many tries as it takes while the file grows, and few where it does not", async () => {
    server.answer(breakAfter(1_100_000, serve(content)));
    await download({ tries: 2 });
    expect(server.ranges).toHaveLength(3);
    await writeFile(target(), "again");
    server.answer(breakAfter(1000, serve(content)));
    await fails("network", /3 tries/, ["file", ...kept]);
    expect(server.ranges).toEqual(["", resumed, resumed]);
  });

  it("begins anew where the server knows no ranges, or has another file by now", async () => {
    const ignorant: Handler = (_, response) => response.end(content);
    server.answer(inTurn(breakAfter(1_000_000, serve(content)), ignorant));
    await download();
    await succeeded();
    await writeFile(target(), "again");

    // By If-Range the server itself sees that its file has changed in between.
    server.answer(inTurn(breakAfter(1_000_000, serve(other)), serve(content)));
    await download();
    expect(server.ranges).toEqual(["", resumed]);
    await succeeded();
    await writeFile(target(), "again");

    // A server that does not look at it, and says so by another mark.
    const careless: Handler = (request, response) => {
      delete request.headers["if-range"];
      serve(content)(request, response);
    };
    server.answer(inTurn(breakAfter(1_000_000, serve(other)), careless));
    await download();
    expect(server.ranges).toEqual(["", resumed, ""]);
    await succeeded();
    await writeFile(target(), "again");

    // Nothing says so: the sum of the pieces is wrong, and one try more is in one piece.
    const [before, after] = [other, content].map((bytes) => serve(bytes, { etag: undefined }));
    server.answer(inTurn(breakAfter(1_000_000, before as Handler), after as Handler));
    await download();
    expect(server.ranges).toEqual(["", resumed, ""]);
    await succeeded();
  });

  it("begins anew where the server has less than was there, or sends another range", async () => {
    const short = serve(content.subarray(0, 500_000), { etag: undefined });
    server.answer(inTurn(breakAfter(1_000_000, serve(content, { etag: undefined })), short, serve(content)));
    await download();
    await succeeded();
    await writeFile(target(), "again");
    const wrong = status(206, { "content-range": `bytes 7-9/${content.length}` });
    server.answer(inTurn(breakAfter(1_000_000, serve(content)), wrong, serve(content)));
    await download();
    await succeeded();
  });

  it("does not take what another address, or nobody, left beside the place", async () => {
    await mkdir(join(scratch(), "folder"));
    await writeFile(`${target()}.partial`, other.subarray(0, 1000));
    for (const note of ["{", "null", "[]", JSON.stringify({ url: "https://elsewhere/" })]) {
      await writeFile(`${target()}.partial.json`, note);
      server.answer(serve(content));
      await download();
      expect(server.ranges).toEqual([""]);
      await succeeded();
      await writeFile(target(), "again");
      await writeFile(`${target()}.partial`, other.subarray(0, 1000));
    }
  });

  it("goes on where a killed process stopped, once its lock is stale", async () => {
    const program = join(scratch(), "program.mjs");
    await build({
      stdin: {
        contents: `
          import { downloadFile } from "./index.js";
          const onProgress = ({ receivedBytes }) => receivedBytes === 1e6 && process.send("there");
          await downloadFile({ ...JSON.parse(process.argv[2]), onProgress });`,
        resolveDir: dirname(import.meta.dirname),
        loader: "ts",
      },
      bundle: true,
      platform: "node",
      format: "esm",
      // What the packages that are bundled with it ask for.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      outfile: program,
      logLevel: "error",
    });
    server.answer((_, response) => {
      response.writeHead(200, { "content-length": content.length, etag: '"1"' });
      response.write(content.subarray(0, 1e6));
    });
    const options = { url: `${server.origin}/file`, to: target(), sha256, maximumBytes: 5e6, ca: server.ca };
    const child = fork(program, [JSON.stringify(options)]);
    await once(child, "message", { signal: AbortSignal.timeout(20_000) });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await files()).toEqual(["file.lock", ...kept]);
    const left = await Promise.all(kept.map((name) => readFile(join(scratch(), "folder", name))));
    server.answer(serve(content, { etag: '"1"' }));
    await download();
    expect(server.ranges).toEqual([resumed]);
    await succeeded();

    // The file on the server is another one by now, as whoever asks knows: its two halves are never of both.
    const careless: Handler = (request, response) => {
      delete request.headers["if-range"];
      serve(other)(request, response);
    };
    for (const [changed, asked] of [
      [serve(other), [resumed]],
      [careless, [resumed, ""]],
      [serve(other, { etag: undefined }), [resumed]],
      [serve(other, { etag: '"1"' }), [resumed, ""]],
    ] as const) {
      await rm(target());
      for (const [i, name] of kept.entries())
        await writeFile(join(scratch(), "folder", name), left[i] as Buffer);
      server.answer(changed);
      await download({ sha256: hash(other) });
      expect((await readFile(target())).equals(other)).toBe(true);
      expect(server.ranges).toEqual(asked);
      expect(await files()).toEqual(["file"]);
    }
  });

  it("keeps what has come where the disk gets full, and goes on with room", async ({ skip }) => {
    if (!smallDisk(join(scratch(), "folder"), 1000)) return skip("a small disk cannot be mounted here");
    server.answer(serve(content));
    const error = await failure(download());
    expect(error).toMatchObject({
      code: "disk",
      message: expect.stringMatching(/^\S+file: cannot be written \(ENOSPC/),
      mend: expect.stringContaining("file.partial"),
    });
    expect(server.ranges).toEqual([""]);
    expect(await files()).toEqual(kept);
    smallDisk(join(scratch(), "folder"), 8000);
    await download();
    expect(server.ranges).toEqual(["", resumed]);
    await succeeded();
  });

  it("finishes what was complete when it was killed, without the server", async () => {
    await mkdir(join(scratch(), "folder"));
    const url = `${server.origin}/file`;
    await writeFile(`${target()}.partial`, content);
    await writeFile(`${target()}.partial.json`, JSON.stringify({ url, totalBytes: content.length }));
    server.answer(status(500));
    await download();
    expect(server.ranges).toEqual([]);
    await succeeded();
  });

  it("waits where the server is busy, and asks again", async () => {
    const seconds = { "retry-after": "1" };
    const date = { "retry-after": new Date(Date.now() + 500).toUTCString() };
    server.answer(inTurn(status(429, seconds), status(503, date), serve(content)));
    const began = performance.now();
    await download();
    expect(performance.now() - began).toBeGreaterThan(990);
    await succeeded();
  });

  it("follows redirects to HTTPS", async () => {
    const moved: Handler = (request, response) => {
      if (request.url === "/file") response.writeHead(302, { location: "/a" }).end();
      else if (request.url === "/a") response.writeHead(308, { location: `${server.origin}/b` }).end();
      else serve(content)(request, response);
    };
    server.answer(moved);
    await download();
    await succeeded();
  });

  it("keeps the bytes as they are sent: a server may call a .gz file an encoding", async () => {
    const packed = gzipSync("packed");
    const asked: unknown[] = [];
    server.answer((request, response) => {
      asked.push(request.headers["accept-encoding"]);
      response.writeHead(200, { "content-encoding": "gzip" }).end(packed);
    });
    await download({ sha256: hash(packed) });
    expect(await readFile(target())).toEqual(packed);
    expect(asked).toEqual(["identity"]);
  });

  it("goes through the proxy of the environment, which sees no content, and around it", async () => {
    const asked: (string | undefined)[] = [];
    const seen: Buffer[] = [];
    const proxy = createHttpServer().on("connect", (request, socket) => {
      asked.push(request.url);
      const [host, port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      onward.on("data", (bytes) => seen.push(bytes)).on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
      onward.pipe(socket).pipe(onward);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    for (const name of ["http_proxy", "HTTP_PROXY", "https_proxy", "no_proxy", "NO_PROXY"])
      vi.stubEnv(name, undefined);
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    try {
      server.answer(serve(content));
      await download();
      await succeeded();
      expect(asked).toEqual([new URL(server.origin).host]);
      expect(Buffer.concat(seen).includes(content.subarray(0, 32))).toBe(false);
      // Behind a proxy too, a certificate that nobody trusts ends it.
      await writeFile(target(), "again");
      await fails("network", /self.signed/, ["file"], { ca: undefined });
      vi.stubEnv("NO_PROXY", "127.0.0.1");
      await download();
      expect(asked).toHaveLength(2);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});

describe("a download that cannot be", () => {
  it("is refused by its options", async () => {
    const wrong: [Partial<DownloadOptions>, string][] = [
      [{ url: "http://127.0.0.1/file" }, "url"],
      [{ url: "file:///etc/passwd" }, "url"],
      [{ url: "https://user:secret@127.0.0.1/" }, "url"],
      [{ url: "" }, "url"],
      [{ to: "" }, "to"],
      [{ sha256: undefined }, "sha256"],
      [{ sha256: "abc" }, "sha256"],
      [{ sha256: "g".repeat(64) }, "sha256"],
      [{ md5: "0".repeat(32) }, "md5"],
      [{ maximumBytes: undefined }, "maximumBytes"],
      [{ maximumBytes: Number.NaN }, "maximumBytes"],
      [{ bytes: -1 }, "bytes"],
      [{ tries: 0 }, "tries"],
      [{ patienceMilliseconds: 0 }, "patienceMilliseconds"],
      [{ pauseMilliseconds: -1 }, "pauseMilliseconds"],
    ];
    for (const [changes, option] of wrong) {
      const error = await failure(download(changes));
      expect([error.code, error.message.split(":")[0]]).toEqual(["bad-option", option]);
    }
    expect(await readdir(scratch())).toEqual([]);
  });

  it("ends at once where nothing answers, where it is not HTTPS, or for a certificate", async () => {
    const plain = createHttpServer((_, response) => response.end(content)).listen(0, "127.0.0.1");
    const silent = createTcpServer().listen(0, "127.0.0.1");
    await Promise.all([once(plain, "listening"), once(silent, "listening")]);
    const origin = (tcp: typeof silent | typeof plain) =>
      `https://127.0.0.1:${(tcp.address() as AddressInfo).port}/`;
    const [plainOrigin, closedOrigin] = [origin(plain), origin(silent)];
    silent.close();
    try {
      for (const [url, message] of [
        [plainOrigin, /wrong version number|SSL/],
        [closedOrigin, /ECONNREFUSED/],
        ["https://no-such-host.invalid/", /ENOTFOUND|EAI_AGAIN/],
      ] as const) {
        const error = await failure(download({ url, tries: 100, patienceMilliseconds: 5000 }), 10_000);
        expect(error).toMatchObject({ code: "network", message: expect.stringMatching(message) });
        expect(error.message).toContain(url);
      }
    } finally {
      plain.close();
    }
    server.answer(serve(content));
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    await fails("network", /self.signed/, [], { ca: undefined, tries: 100 });
    expect(server.ranges).toEqual([]);
  });

  it.each([
    ["http://127.0.0.1/file", /redirected to http:\/\/127\.0\.0\.1\/file, expected an https/],
    ["//user:secret@127.0.0.1/", /expected an https/],
    ["file:///etc/passwd", /redirected to file:\/\/\/etc\/passwd/],
    ["https://", /expected an https/],
    ["/again", /more than 10 redirects/],
  ])("ends where it is redirected to %s", async (location, message) => {
    server.answer(status(301, { location }));
    await fails("network", message, []);
  });

  it.each([403, 404, 410, 304])("ends at once for the status %d", async (code) => {
    server.answer(status(code));
    await fails("network", new RegExp(`HTTP status ${code}`), []);
    expect(server.ranges).toHaveLength(1);
  });

  it.each([429, 500, 503])("ends after its tries for the status %d", async (code) => {
    server.answer(status(code));
    await fails("network", new RegExp(`HTTP status ${code}; 3 tries`), []);
    expect(server.ranges).toHaveLength(3);
  });

  it("is not waited for where the server asks for an hour", async () => {
    server.answer(status(429, { "retry-after": "3600" }));
    await fails("network", /asks to wait 3600 seconds/, []);
  });

  it("ends where the server accepts and says nothing, or stops in the middle", async () => {
    const impatient = { tries: 2, patienceMilliseconds: LITTLE_PATIENCE };
    server.answer(() => undefined);
    await fails("network", /no data for 0\.3 seconds; 2 tries/, [], impatient);
    server.answer((_, response) => response.writeHead(200, { "content-length": content.length }).write("x"));
    await fails("network", /no data for 0\.3 seconds; 2 tries/, kept, impatient);
  });

  it("is refused for a wrong length before anything is taken", async () => {
    server.answer(serve(content));
    await fails("bad-file", /expected 7 bytes, got 3000000 bytes/, [], { bytes: 7, maximumBytes: undefined });
    await fails("bad-file", /expected at most 2999999 bytes, got 3000000/, [], { maximumBytes: 2_999_999 });
    expect(server.ranges).toHaveLength(2);
  });

  it("stops where more comes than was said or is allowed, also where it never ends", async () => {
    let stopped = 0;
    const endless: Handler = (_, response) => {
      response.writeHead(200);
      const block = Buffer.alloc(65_536);
      const more = () => {
        while (response.write(block));
      };
      response.on("drain", more).on("close", () => stopped++);
      more();
    };
    server.answer(endless);
    await fails("bad-file", /expected at most 5000000 bytes, got more/, []);
    await fails("bad-file", /expected 3000000 bytes, got more/, [], { bytes: 3_000_000 });
    await vi.waitFor(() => expect(stopped).toBe(2), { timeout: 20_000 });
    // More than its own length: what follows is not taken.
    server.answer((_, response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour and more`);
    });
    await download({ sha256: hash(Buffer.from("four")) });
    expect(await readFile(target(), "utf8")).toBe("four");
  });

  it("is tried again where less comes than was said", async () => {
    server.answer((_, response) => {
      response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour");
    });
    expect((await failure(download())).message).toMatch(/3 tries/);
    expect(server.ranges).toHaveLength(3);
    // Without a length the end looks whole: only the caller knows better.
    server.answer((_, response) => {
      response.write(content.subarray(0, 1000));
      response.end();
    });
    await fails("network", /ended after 1000 of 3000000 bytes; 3 tries/, kept, { bytes: content.length });
    await fails("bad-file", /expected a file with sha256/, []);
  });

  it("is removed where its sum is wrong, also where it is called an encoding", async () => {
    for (const answer of [
      serve(other),
      status(200),
      ((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(content))) as Handler,
    ]) {
      server.answer(answer);
      await fails("bad-file", new RegExp(`expected a file with sha256 ${sha256}, got [0-9a-f]{64}$`), []);
      expect(server.ranges).toEqual([""]);
    }
  });

  it("is told from a page of HTML, with or without its length", async () => {
    const page = "<html>Sign in</html>";
    const html = { "content-type": "text/html; charset=utf-8" };
    for (const [headers, message] of [
      [html, /expected a file of 3000000 bytes, got a page of HTML of 20 bytes/],
      [{ ...html, "content-length": page.length }, /expected 3000000 bytes, got 20 bytes/],
    ] as const) {
      server.answer((_, response) => response.writeHead(200, headers).end(page));
      await fails("bad-file", message, [], { bytes: content.length });
      expect(server.ranges).toHaveLength(1);
    }
  });

  it("is cancelled at once, also while it waits for a connection", async () => {
    const silent = createTcpServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const stop = new AbortController();
    silent.on("connection", () => stop.abort());
    try {
      const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
      // Far less than the patience, which ends the waiting too.
      const error = await failure(download({ url, signal: stop.signal, patienceMilliseconds: 60_000 }));
      expect(error.code).toBe("aborted");
    } finally {
      silent.close();
    }
  });

  it("can be cancelled at any time, and keeps what has come", async () => {
    const stop = new AbortController();
    server.answer((request, response) => {
      breakAfter(1_000_000, serve(content))(request, response);
      response.destroy = () => response;
    });
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => {
      if (receivedBytes === 1_000_000) stop.abort();
    };
    await fails("aborted", /cancelled/, kept, {
      signal: stop.signal,
      onProgress,
    });
    await fails("aborted", /cancelled/, kept, { signal: AbortSignal.abort() });
    server.answer(serve(content));
    await download();
    expect(server.ranges).toEqual([resumed]);

    await writeFile(target(), "again");
    server.answer(status(503));
    const soon = AbortSignal.timeout(200);
    await fails("aborted", /cancelled/, ["file"], { signal: soon, pauseMilliseconds: 20_000 });
  });

  it("names the file where its folder cannot be made, or a folder is in its place", async () => {
    server.answer(serve(content));
    await writeFile(join(scratch(), "occupied"), "a file");
    const to = join(scratch(), "occupied", "file");
    expect(await failure(download({ to }))).toMatchObject({
      code: "disk",
      message: expect.stringContaining(`${to}: cannot be written`),
    });
    await mkdir(join(target(), "inner"), { recursive: true });
    expect((await failure(download())).code).toBe("disk");
    expect((await stat(join(target(), "inner"))).isDirectory()).toBe(true);
  });

  it.skipIf(process.platform === "win32")("writes through no link that somebody laid", async () => {
    server.answer(serve(content));
    await mkdir(join(scratch(), "folder"));
    await writeFile(join(scratch(), "victim"), "stays");
    await symlink(join(scratch(), "victim"), `${target()}.partial`);
    expect((await failure(download())).code).toBe("disk");
    expect(await readFile(join(scratch(), "victim"), "utf8")).toBe("stays");
  });

  it.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
    "says that a folder is read-only",
    async () => {
      server.answer(serve(content));
      await mkdir(join(scratch(), "folder"));
      await chmod(join(scratch(), "folder"), 0o555);
      const error = await failure(download());
      await chmod(join(scratch(), "folder"), 0o755);
      expect(error).toMatchObject({ code: "disk", message: expect.stringContaining("EACCES") });
    },
  );
});

describe("downloadText", () => {
  const read = (changes: Partial<Parameters<typeof downloadText>[0]> = {}) =>
    downloadText({
      url: `${server.origin}/file`,
      maximumBytes: 100,
      patienceMilliseconds: 20_000,
      ca: server.ca,
      ...changes,
    });

  it("reads a text of the length allowed", async () => {
    server.answer(serve(Buffer.from("ü".repeat(50))));
    expect(await read()).toBe("ü".repeat(50));
    expect(await failure(read({ maximumBytes: 99 }))).toMatchObject({ code: "bad-file" });
  });

  it("ends as a download does", async () => {
    expect(await failure(read({ url: "http://127.0.0.1/" }))).toMatchObject({ code: "bad-option" });
    server.answer(status(404));
    expect((await failure(read())).message).toMatch(/^https:.*HTTP status 404/);
    server.answer(status(302, { location: "http://127.0.0.1/" }));
    expect((await failure(read())).message).toMatch(/expected an https/);
    server.answer(() => undefined);
    const silence = read({ patienceMilliseconds: LITTLE_PATIENCE });
    expect(await failure(silence)).toMatchObject({ code: "network" });
    expect(await failure(read({ ca: undefined }))).toMatchObject({ code: "network" });
    expect(await failure(read({ signal: AbortSignal.timeout(100) }))).toMatchObject({ code: "aborted" });
    expect(await failure(read({ signal: AbortSignal.abort() }))).toMatchObject({ code: "aborted" });
  });
});

describe("downloadFacts and the token", () => {
  const other = testServer("other");
  const ask = (changes: Partial<Parameters<typeof downloadFacts>[0]> = {}) =>
    downloadFacts({ url: `${server.origin}/file`, ca: `${server.ca}\n${other.ca}`, ...changes });

  it("tells what the answer that leads elsewhere says, and follows the server's own redirects", async () => {
    const asked: string[] = [];
    server.answer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const location = request.url === "/file" ? "/moved" : `${other.origin}/elsewhere`;
      response.writeHead(302, { location, "X-Linked-Size": "12", "set-cookie": ["a", "b"] }).end();
    });
    other.answer(() => expect.unreachable("the other server was asked"));
    const { status, headers } = await ask({ token: "secret" });
    expect([status, headers["x-linked-size"], headers["set-cookie"]]).toEqual([302, "12", "a"]);
    expect(asked).toEqual(["HEAD /file Bearer secret", "HEAD /moved Bearer secret"]);
    server.answer((_, response) => response.writeHead(404).end());
    expect((await ask()).status).toBe(404);
    server.answer((_, response) => response.writeHead(302, { location: "http://127.0.0.1/" }).end());
    expect((await failure(ask())).message).toMatch(/expected an https/);
  });

  it("the token goes to the address's own server alone, in a download too", async () => {
    const seen: (string | undefined)[] = [];
    server.answer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(302, { location: `${other.origin}/file` }).end();
    });
    other.answer((request, response) => {
      seen.push(request.headers.authorization);
      serve(Buffer.from("content"))(request, response);
    });
    const text = { url: `${server.origin}/file`, ca: `${server.ca}\n${other.ca}`, maximumBytes: 100 };
    expect(await downloadText({ ...text, token: "secret" })).toBe("content");
    expect(seen).toEqual(["Bearer secret", undefined]);
    const { message } = await failure(downloadText({ ...text, token: "se\r\ncret" }));
    expect(message).toMatch(/^token: expected printable characters/);
    expect(message).not.toContain("cret");
  });
});
