import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, type SafetensorsEntry } from "@sitjs/core";
import { compareTo } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { breakAfter, type Handler, serve, testServer } from "../../../../fixtures/https-server.js";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { toImages } from "../../../../fixtures/tensors.js";
import { fromPretrained, type HubOptions } from "./index.js";

const folder = fileURLToPath(new URL("../../../../fixtures/huggingface-vit/", import.meta.url));
const bytesOf = (name: string) => readFileSync(join(folder, name));
const scratch = scratchFolder();
const hub = testServer();
/** Where large files lie, as the Hub's content delivery network. */
const storage = testServer("storage");
const commit = "0123456789abcdef0123456789abcdef01234567";
const weights = "model.safetensors";
const sum = createHash("sha256").update(bytesOf(weights)).digest("hex");
const gitHash = (bytes: Buffer) =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

beforeAll(async () => {
  await tf.setBackend("cpu");
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

/** A server of the Hub's layout: git's files itself, large ones by a redirect to the storage. */
function layout(
  asked: Asked[],
  changes: { readonly headers?: Record<string, string>; readonly name?: string } = {},
): Handler {
  const { name: repository = "owner/tiny" } = changes;
  return (request, response) => {
    const url = request.url ?? "";
    asked.push({ method: request.method ?? "", url, authorization: request.headers.authorization });
    const found = new RegExp(`^/${repository}/resolve/(main|v1|${commit})/([\\w.]+)$`).exec(url);
    const file = found?.[2] ?? "";
    if (!found || !existsSync(join(folder, file))) {
      response.writeHead(404, { "x-error-code": found ? "EntryNotFound" : "RepoNotFound" }).end();
      return;
    }
    response.setHeader("x-repo-commit", commit);
    const bytes = bytesOf(file);
    if (file === weights) {
      const marks = { "x-linked-etag": `"${sum}"`, "x-linked-size": bytes.length, ...changes.headers };
      response.writeHead(302, { ...marks, location: `${storage.origin}/${sum}` }).end();
    } else if (request.method === "HEAD") {
      response.writeHead(200, { etag: `"${gitHash(bytes)}"`, "content-length": bytes.length }).end();
    } else serve(bytes, { etag: `"${gitHash(bytes)}"` })(request, response);
  };
}

function options(changes: HubOptions = {}): HubOptions {
  // Both servers' own certificates are trusted.
  return { endpoint: hub.origin, ca: `${hub.ca}\n${storage.ca}`, cache: scratch(), ...changes };
}

async function expectLogits(from: string, of: HubOptions): Promise<void> {
  const { tensors } = readSafetensors(bytesOf("outputs.safetensors"));
  const model = await fromPretrained(from, of);
  const logits = model.classify(toImages(tensors["in/x"] as SafetensorsEntry));
  const expected = tensors["out/logits"] as SafetensorsEntry;
  expect((await compareTo(logits, expected, { absolute: 3e-5, relative: 2e-5 })).excess).toBeLessThanOrEqual(
    0,
  );
  logits.dispose();
  model.dispose();
}

describe("a repository of the Hub", () => {
  it("is downloaded once, from the commit of its revision, and opens offline then", async () => {
    const asked: Asked[] = [];
    hub.answer(layout(asked));
    storage.answer(serve(bytesOf(weights)));
    await expectLogits("owner/tiny", options());
    const kept = join(scratch(), "hub", "models--owner--tiny");
    expect(readFileSync(join(kept, "refs", "main"), "utf8").trim()).toBe(commit);
    expect(statSync(join(kept, "snapshots", commit, weights)).size).toBe(bytesOf(weights).length);
    // After the first file, whatever the branch does, the commit is asked.
    expect(asked.slice(1).every(({ url }) => url.includes(commit))).toBe(true);
    const before = asked.length;
    await expectLogits("owner/tiny", options({ revision: commit }));
    await expectLogits("owner/tiny", options({ offline: true }));
    expect(asked).toHaveLength(before);
    // A branch may have moved: one question.
    await expectLogits("owner/tiny", options());
    expect(asked.slice(before).map(({ method, url }) => [method, url])).toEqual([
      ["HEAD", "/owner/tiny/resolve/main/config.json"],
    ]);
    expect(storage.ranges).toHaveLength(1);
  });

  it("that was damaged in the cache is refused offline, and downloaded again online", async () => {
    hub.answer(layout([]));
    storage.answer(serve(bytesOf(weights)));
    await expectLogits("owner/tiny", options());
    const snapshot = join(scratch(), "hub", "models--owner--tiny", "snapshots", commit);
    for (const name of [weights, "config.json"]) {
      const damaged = readFileSync(join(snapshot, name));
      // A number of the weights, or a space of the text: nothing else would tell.
      damaged[damaged.length - 3] = (damaged[damaged.length - 3] as number) ^ 1;
      writeFileSync(join(snapshot, name), damaged);
      const error = await failure(fromPretrained("owner/tiny", options({ offline: true })));
      expect([error.code, error.message]).toEqual([
        "bad-file",
        expect.stringContaining(`${join(snapshot, name)}: expected the file as it was downloaded`),
      ]);
      await expectLogits("owner/tiny", options({ revision: name === weights ? "main" : commit }));
      expect(readFileSync(join(snapshot, name)).equals(bytesOf(name))).toBe(true);
    }
    await expectLogits("owner/tiny", options({ offline: true }));
  });

  it("whose branch moves while it is downloaded is of one commit, or refused", async () => {
    const later = "f".repeat(40);
    const asked: string[] = [];
    const usual = layout([]);
    hub.answer((request, response) => {
      asked.push(request.url ?? "");
      usual(request, response);
      // After the first answer the branch, and whoever asks for it, is another commit.
      if (asked.length > 1 && request.url?.includes("/main/")) response.setHeader("x-repo-commit", later);
    });
    storage.answer(serve(bytesOf(weights)));
    await expectLogits("owner/tiny", options());
    expect(asked.slice(1).every((url) => url.includes(commit))).toBe(true);
    hub.answer((_, response) => response.writeHead(200, { "x-repo-commit": later, etag: '"0"' }).end());
    const other = options({ revision: commit, cache: join(scratch(), "other") });
    expect((await failure(fromPretrained("owner/tiny", other))).message).toContain(
      `expected the commit ${commit}`,
    );
  });

  it("is fetched by two at once, each whole", async () => {
    hub.answer(layout([]));
    storage.answer(serve(bytesOf(weights)));
    await Promise.all([expectLogits("owner/tiny", options()), expectLogits("owner/tiny", options())]);
    expect(storage.ranges).toHaveLength(1);
  });

  it("goes on with a download that broke off", async () => {
    const half = Math.floor(bytesOf(weights).length / 2);
    let times = 0;
    hub.answer(layout([]));
    storage.answer((request, response) => {
      const whole = serve(bytesOf(weights));
      (times++ === 0 ? breakAfter(half, whole) : whole)(request, response);
    });
    const progress: number[] = [];
    await expectLogits(
      "owner/tiny",
      options({ onProgress: ({ receivedBytes }) => progress.push(receivedBytes) }),
    );
    expect(storage.ranges).toEqual(["", `bytes=${half}-`]);
    expect(progress.at(-1)).toBe(bytesOf(weights).length);
  });

  it("is given the token, which no other server sees", async () => {
    const asked: Asked[] = [];
    const elsewhere: IncomingMessage["headers"][] = [];
    hub.answer(layout(asked));
    storage.answer((request, response) => {
      elsewhere.push(request.headers);
      serve(bytesOf(weights))(request, response);
    });
    await expectLogits("owner/tiny", options({ token: "hf_secret" }));
    expect(asked.length).toBeGreaterThan(3);
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer hf_secret"]));
    expect(elsewhere).toHaveLength(1);
    expect(JSON.stringify(elsewhere)).not.toContain("hf_secret");
  });

  it("is refused where its content has another checksum, and nothing of it is kept", async () => {
    hub.answer(layout([], { headers: { "x-linked-etag": `"${"0".repeat(64)}"` } }));
    storage.answer(serve(bytesOf(weights)));
    const { code, message } = await failure(fromPretrained("owner/tiny", options()));
    expect([code, message]).toEqual([
      "bad-file",
      expect.stringContaining(`expected a file with sha256 ${"0".repeat(64)}`),
    ]);
    expect(existsSync(join(scratch(), "hub", "models--owner--tiny", "snapshots", commit, weights))).toBe(
      false,
    );
    hub.answer((request, response) => {
      response.setHeader("x-repo-commit", commit);
      serve(Buffer.from("{}"), { etag: `"${"1".repeat(40)}"` })(request, response);
    });
    const other = await failure(fromPretrained("owner/tiny", options({ cache: join(scratch(), "other") })));
    expect(other.message).toMatch(/expected a file of git hash 1{40}/);
  });

  it("is refused where its length is not the one that was told", async () => {
    const bytes = bytesOf(weights).length;
    for (const told of [bytes - 1, bytes + 1]) {
      hub.answer(layout([], { headers: { "x-linked-size": String(told) } }));
      storage.answer(serve(bytesOf(weights)));
      const { code, message } = await failure(
        fromPretrained("owner/tiny", options({ cache: join(scratch(), String(told)) })),
      );
      expect(["network", "bad-file"]).toContain(code);
      expect(message).toContain(String(told));
    }
  });

  it("that is gated says how a token is given, and one of the environment is sent to the Hub's own address", async () => {
    const asked: Asked[] = [];
    hub.answer((request, response) => {
      if (request.headers.authorization === "Bearer hf_gated") return layout(asked)(request, response);
      response.writeHead(401, { "x-error-code": "GatedRepo" }).end();
    });
    storage.answer(serve(bytesOf(weights)));
    const { code, message, mend } = await failure(fromPretrained("owner/tiny", options()));
    expect([code, mend]).toEqual(["network", expect.stringContaining("needs a token (HF_TOKEN)")]);
    expect(message).toMatch(/owner\/tiny.*HTTP status 401/);
    try {
      process.env.HF_TOKEN = "hf_gated";
      // An address that is named here is not the one that the token is for.
      expect((await failure(fromPretrained("owner/tiny", options()))).message).toMatch(/401/);
      process.env.HF_ENDPOINT = hub.origin;
      const { endpoint, ...usual } = options();
      expect(endpoint).toBe(hub.origin);
      await expectLogits("owner/tiny", usual);
    } finally {
      delete process.env.HF_TOKEN;
      delete process.env.HF_ENDPOINT;
    }
  });

  it("is named where it is not there, and is never asked without HTTPS", async () => {
    hub.answer(layout([], { name: "owner/other" }));
    const { code, message, mend } = await failure(fromPretrained("owner/tiny", options()));
    expect([code, mend]).toEqual([
      "network",
      "Is owner/tiny the name? A private or gated one needs a token (HF_TOKEN).",
    ]);
    expect(message).toMatch(/HTTP status 404/);
    const plain = options({ endpoint: hub.origin.replace("https", "http") });
    expect((await failure(fromPretrained("owner/tiny", plain))).message).toMatch(
      /endpoint: expected an https:\/\/ address/,
    );
    expect((await failure(fromPretrained("owner/tiny", options({ offline: true })))).code).toBe(
      "missing-file",
    );
    expect((await failure(fromPretrained("owner/tiny", options({ revision: "../main" })))).code).toBe(
      "bad-option",
    );
    const token = await failure(fromPretrained("owner/tiny", options({ token: "a\nb" })));
    expect(token.message).toMatch(/token: expected printable characters/);
    expect(token.message).not.toContain("a\\nb");
  });

  it("is refused where it leads out of HTTPS", async () => {
    hub.answer((_, response) => response.writeHead(302, { location: "http://127.0.0.1/elsewhere" }).end());
    expect((await failure(fromPretrained("owner/tiny", options()))).message).toMatch(/redirected to http:/);
  });
});
