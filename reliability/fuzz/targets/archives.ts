import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SitError } from "@sitjs/core/errors";
import { extractArchive } from "@sitjs/core/node";
import type { RandomStream } from "@sitjs/core/random";
import { paxRecord, type TarEntry, tar, type ZipEntry, zip } from "../../../fixtures/archives.js";
import { mutateBytes, pick } from "../mutate/bytes.js";
import { promise, type Target } from "../target.js";

const maximumBytes = 2 ** 18;
const maximumEntries = 20;

const long = `${"deep/".repeat(30)}name`;
const contents = [
  { name: "a.txt", content: "first" },
  { name: "empty" },
  { name: "./folder//ünïcode.txt", content: "0123456789".repeat(500) },
] as const;

/** Names of entries that must not come through, or only as what they are. */
const names = [
  "../outside",
  "a/../../outside",
  "/outside",
  "..",
  ".",
  "",
  "C:/outside",
  "..\\outside",
  "a\0b",
  "a\nb",
  "a",
  "A",
  "a/b",
  "caf\u00e9",
  "cafe\u0301",
  "con",
  "x".repeat(300),
  "deep/".repeat(300),
  "\ufffd\ud83d\ude00",
  "__proto__",
];
const sizes = [0, 1, 2 ** 31 - 1, 2 ** 32 - 1];

/** An archive written with a few of its entries changed. */
const zipOf = (rng: RandomStream): Uint8Array =>
  zip(
    Array.from({ length: rng.integer(1, 5) }, (): ZipEntry => {
      const content = "x".repeat(rng.integer(0, 2000));
      return {
        name: rng.chance(0.4) ? pick(names, rng) : `file-${rng.integer(0, 4)}`,
        content,
        ...(rng.chance(0.1) && { size: pick([...sizes, content.length - 1], rng) >>> 0 }),
        ...(rng.chance(0.1) && { crc: rng.integer(0, 2 ** 31) }),
        ...(rng.chance(0.1) && { mode: rng.integer(0, 2 ** 16) }),
        ...(rng.chance(0.05) && { encrypted: true }),
      };
    }),
  );

const types = [
  ...["hardLink", "symbolicLink", "characterDevice", "blockDevice", "folder", "pipe", "sparse"],
  ...["extendedHeader", "longName", "file"],
] as NonNullable<TarEntry["type"]>[];

const tarOf = (rng: RandomStream): Uint8Array =>
  tar(
    Array.from({ length: rng.integer(1, 5) }, (): TarEntry => {
      const name = rng.chance(0.4) ? pick(names, rng) : `file-${rng.integer(0, 4)}`;
      return {
        name: name.slice(0, 90),
        content: rng.chance(0.3) ? paxRecord(pick(["path", "size", "linkpath", "x"], rng), name) : name,
        ...(rng.chance(0.3) && { type: pick(types, rng), link: "../outside" }),
        ...(rng.chance(0.1) && { size: pick(sizes, rng) }),
      };
    }),
    { end: rng.chance(0.9) },
  );

/** Rights the sum of each header, without which every change of a header is seen at once. */
function withSums(file: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= file.length; at += 512) {
    const header = Buffer.from(file.buffer, file.byteOffset + at, 512);
    if (header.toString("latin1", 257, 262) !== "ustar") continue;
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  return file;
}

const tars = (): Uint8Array[] =>
  [
    tar(contents),
    tar([
      { name: "header", type: "extendedHeader", content: paxRecord("path", `${long}-pax`) },
      { name: "short", content: "pax" },
      { name: "././@LongLink", type: "longName", content: `${long}-gnu\0` },
      { name: "short", content: "gnu" },
    ]),
  ].map((each) => Uint8Array.from(each));

let folder = "";
const place = (name: string) => join(folder, name);

/** What is below a folder: names, and the bytes of all files. */
function below(path: string): { files: number; bytes: number } {
  let [files, bytes] = [0, 0];
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    promise(entry.isFile() || entry.isDirectory(), `no ${entry.name} that is neither file nor folder`);
    const inside = entry.isDirectory() ? below(join(path, entry.name)) : undefined;
    files += inside?.files ?? 1;
    bytes += inside?.bytes ?? statSync(join(path, entry.name)).size;
  }
  return { files, bytes };
}

async function unpack(file: Uint8Array): Promise<readonly string[]> {
  rmSync(place("inside"), { recursive: true, force: true });
  mkdirSync(place("inside"));
  writeFileSync(place("inside/archive"), file);
  try {
    return await extractArchive({
      file: place("inside/archive"),
      to: place("inside/out"),
      maximumBytes,
      maximumEntries,
    });
  } catch (error) {
    const left = readdirSync(place("inside"));
    if (SitError.isInstance(error)) promise(left.join() === "archive", `nothing is left, not ${left}`);
    throw error;
  }
}

const archive = (
  name: string,
  corpus: () => readonly Uint8Array[],
  mutate: (file: Uint8Array, rng: RandomStream, corpus: readonly Uint8Array[]) => Uint8Array,
): Target<readonly string[]> => ({
  name,
  corpus,
  mutate,
  get source() {
    return place("inside/archive");
  },
  codes: ["bad-file"],
  open(scratch) {
    folder = join(scratch, "archives");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  },
  parse: unpack,
  check(paths) {
    const out = below(place("inside/out"));
    promise(
      out.files === paths.length && paths.length <= maximumEntries,
      "the files that are named, all of them",
    );
    promise(out.bytes <= maximumBytes, "no more bytes than allowed");
    const beside = readdirSync(place("inside")).sort().join();
    promise(beside === "archive,out" && readdirSync(folder).join() === "inside", "nothing beside the folder");
  },
  // Streams have buffers of 64 KiB each, for every file one; deflate's whole output may pass through them.
  allowed: (size) => 200 * size + Math.min(1032 * size, 8 * maximumBytes) + 2 ** 22,
  share: 0.1,
});

export const zipArchive = archive(
  "zip archive",
  () => [Uint8Array.from(zip(contents)), Uint8Array.from(zip([{ name: "one", content: "1" }]))],
  (file, rng, corpus) => {
    const changed = rng.chance(0.5) ? zipOf(rng) : file;
    return rng.chance(0.6) ? mutateBytes(changed, rng, corpus) : changed;
  },
);

export const tarArchive = archive("tar archive", tars, (file, rng, corpus) => {
  const changed = rng.chance(0.5) ? tarOf(rng) : file;
  const bytes = rng.chance(0.6) ? mutateBytes(changed, rng, corpus) : Uint8Array.from(changed);
  return rng.chance(0.8) ? withSums(bytes) : bytes;
});

const packed = (file: Uint8Array) => Uint8Array.from(gzipSync(file, { level: 1 }));

export const compressedTar = archive(
  "tar archive, compressed",
  () => tars().map(packed),
  (file, rng, corpus) =>
    rng.chance(0.3)
      ? mutateBytes(file, rng, corpus)
      : packed(withSums(mutateBytes(rng.chance(0.5) ? tarOf(rng) : pick(tars(), rng), rng, tars()))),
);
