import { SitError } from "@sitjs/core/errors";
import { decodeText } from "@sitjs/core/json";
import { type OpenFile, openZip, type ZipEntry } from "@sitjs/core/node";
import { describe } from "../torch/describe.js";
import { mostPickleBytes, type TorchLayout } from "./torch-layout.js";

/** Storages and a handful of records; a model has hundreds, an optimizer's state thousands. */
const mostEntries = 1_000_000;

/**
 * The zip format: `NAME/data.pkl`, storages as `NAME/data/KEY`, the byte order in `NAME/byteorder`. PyTorch stores without
 * compression, so that storages can be read in parts; a compressed archive is refused.
 */
export async function readZipLayout(file: OpenFile, path: string): Promise<TorchLayout> {
  const fail = (message: string, cause?: unknown): never => {
    throw new SitError("bad-file", `${path}: ${message}`, { cause });
  };
  try {
    const zip = await openZip(file);
    if (zip.entryCount > mostEntries) fail(`expected at most ${mostEntries} entries, got ${zip.entryCount}`);
    const entries = new Map<string, ZipEntry>();
    for await (const entry of zip.entries()) {
      const name = entry.fileName;
      if (entries.has(name)) fail(`expected one entry ${describe(name)}, got two`);
      entries.set(name, entry);
    }
    const pickles = [...entries.keys()].filter((name) => /^[^/]+[/]data[.]pkl$/.test(name));
    const [pickle] = pickles;
    if (pickle === undefined || pickles.length > 1) {
      return fail(`expected a zip archive of torch.save, with one data.pkl, got ${pickles.length} of them`);
    }
    const root = pickle.slice(0, -"data.pkl".length);
    const places = new Map<string, { begin: number; bytes: number }>();
    for (const [name, entry] of entries) {
      if (!name.startsWith(root)) continue;
      if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
        fail(`expected entries stored as they are, got ${describe(name)} compressed or encrypted`);
      }
      const begin = await zip.contentStart(entry);
      const bytes = entry.uncompressedSize;
      if (bytes !== entry.compressedSize || begin + bytes > file.size) {
        fail(`expected ${bytes} bytes of ${describe(name)}, got an archive that ends before`);
      }
      places.set(name.slice(root.length), { begin, bytes });
    }
    const read = async (name: string, most: number): Promise<Uint8Array | undefined> => {
      const place = places.get(name);
      if (place === undefined) return undefined;
      if (place.bytes > most) fail(`expected at most ${most} bytes of ${name}, got ${place.bytes}`);
      const bytes = new Uint8Array(place.bytes);
      await file.read(place.begin, bytes);
      return bytes;
    };
    const order = await read("byteorder", 100);
    const text = order === undefined ? "little" : decodeText(order, path).trim();
    if (text !== "little" && text !== "big") fail(`expected byteorder little or big, got ${describe(text)}`);
    return {
      pickle: (await read("data.pkl", mostPickleBytes)) as Uint8Array,
      start: 0,
      bigEndian: text === "big",
      find: ({ key }) =>
        places.get(`data/${key}`) ?? fail(`expected storage ${describe(key)} in the archive, got none`),
    };
  } catch (cause) {
    if (SitError.isInstance(cause)) throw cause;
    return fail(
      `cannot be read as a zip archive (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    );
  }
}
