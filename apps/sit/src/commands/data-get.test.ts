import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as data from "@sitjs/data";
import { afterEach, describe, expect, it, vi } from "vitest";
import { tar } from "../../../../fixtures/archives.js";
import { breakAfter, serve, testServer } from "../../../../fixtures/https-server.js";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import type { CommandContext } from "../command-line/run-command.js";
import { openData } from "../experiment/data.js";
import { leftOutImages } from "../experiment/left-out.js";
import type { ExperimentEvent } from "../experiment/reporter.js";
import { presets } from "../settings/presets.js";
import { run } from "./data-get.js";

// The server of this test has another certificate and other files than the makers' own.
const original = await vi.importActual<typeof data>("@sitjs/data");
vi.mock("@sitjs/data", async (load) => ({
  ...(await load<typeof data>()),
  catalogueEntry: vi.fn<typeof data.catalogueEntry>(),
  downloadDataset: vi.fn<typeof data.downloadDataset>(),
}));
const server = testServer();
const scratch = scratchFolder();
afterEach(() => vi.unstubAllEnvs());

const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../../../fixtures/binary-images", name));
const names = Array.from({ length: 100 }, (_, i) => `kind ${i}\n`).join("");
const archive = gzipSync(
  tar([
    { name: "cifar-100-binary/train.bin", content: fixture("cifar-100.bin") },
    { name: "cifar-100-binary/test.bin", content: fixture("cifar-100.bin") },
    { name: "cifar-100-binary/fine_label_names.txt", content: names },
    // So much that a broken connection leaves some of it.
    { name: "cifar-100-binary/more", content: randomBytes(1_000_000) },
  ]),
);

/** CIFAR-100 as it is read, with the archive of the server. */
function entry(): data.CatalogueEntry {
  const cifar = original.catalogueEntry("cifar-100") as data.CatalogueEntry;
  const [file] = cifar.files as [data.CatalogueFile];
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return { ...cifar, files: [{ ...file, url: `${server.origin}/archive`, bytes: archive.length, sha256 }] };
}

async function get(options: Record<string, unknown>) {
  vi.mocked(data.catalogueEntry).mockImplementation((name) => (name === "cifar-100" ? entry() : undefined));
  vi.mocked(data.downloadDataset).mockImplementation((what, folder, how) =>
    original.downloadDataset(what, folder, { ...how, ca: server.ca, tries: 1 }),
  );
  const events: ExperimentEvent[] = [];
  const results: (readonly [Readonly<Record<string, unknown>>, readonly string[]])[] = [];
  const context: CommandContext = {
    console: {
      report: (event) => events.push(event),
      result: (...outcome) => results.push(outcome),
      close: () => undefined,
    },
    signal: new AbortController().signal,
    saving: () => undefined as never,
    onStop: () => undefined,
  };
  await run(options, context, "cifar-100");
  const [[facts, lines]] = results as [[Readonly<Record<string, unknown>>, readonly string[]]];
  return { events, facts, lines };
}

async function opened(source: string) {
  const report = () => undefined;
  const { signal } = new AbortController();
  const common = { channels: 3, imageSize: 32, labelled: true, report, signal } as const;
  return await openData(source, { ...common, settings: presets.demo, leftOut: leftOutImages(report) });
}

describe("sit data get", () => {
  it("downloads to the cache, where --data looks, says how far it is, and does it once", async () => {
    vi.stubEnv("SITJS_CACHE", scratch());
    server.answer(serve(archive));
    const { events, facts, lines } = await get({});
    const place = join(scratch(), "datasets", "cifar-100");
    expect(facts).toMatchObject({ name: "cifar-100", place, fetched: ["cifar-100-binary.tar.gz"] });
    expect(lines[0]).toBe(`CIFAR-100 is there: ${place}`);
    const notes = events.flatMap((event) => (event.event === "note" ? [event.text] : []));
    expect(notes).toEqual([
      expect.stringMatching(/^CIFAR-100: https:.*; licence: /),
      "Downloading cifar-100-binary.tar.gz",
      "Unpacking cifar-100-binary.tar.gz",
    ]);
    expect(events).toContainEqual(expect.objectContaining({ event: "progress", done: 0, total: 1 }));
    const { train, test } = await opened("cifar-100");
    expect(train.classes?.[99]).toBe("kind 99");
    expect([train.length, test?.length]).toEqual([3, 3]);

    server.answer((_, response) => response.writeHead(500).end());
    const again = await get({});
    expect(again.facts).toMatchObject({ fetched: [] });
    expect(again.lines[0]).toContain("there already");
    expect(server.ranges).toEqual([]);
  });

  it("goes on in a folder of one's own after the server broke off; that folder is then data", async () => {
    vi.stubEnv("SITJS_CACHE", join(scratch(), "cache"));
    const to = join(scratch(), "mine");
    server.answer(breakAfter(600_000, serve(archive)));
    const error = await failure(get({ to }));
    expect(error).toMatchObject({ code: "network", mend: expect.stringContaining("goes on") });
    server.answer(serve(archive));
    const { facts, lines } = await get({ to });
    expect(server.ranges).toEqual([expect.stringMatching(/^bytes=[1-9]/)]);
    expect(facts).toMatchObject({ place: to });
    expect(lines[1]).toContain(`sit pretrain --data ${to} takes it`);
    expect((await opened(to)).train.length).toBe(3);
    expect(existsSync(join(scratch(), "cache"))).toBe(false);
  });
});
