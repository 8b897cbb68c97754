import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "@sitjs/core/random";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { decodeFile, verifyFile } from "./decode.js";
import { ImageError } from "./image-error.js";

const scratch = scratchFolder();
const [width, height] = [300, 450];
const noise = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + (i >> 7) * 31) % 251);
const encoders: Record<string, (image: Sharp) => Sharp> = {
  jpeg: (image) => image.jpeg(),
  "progressive jpeg": (image) => image.jpeg({ progressive: true }),
  png: (image) => image.png(),
  "interlaced png": (image) => image.png({ progressive: true }),
  webp: (image) => image.webp(),
  gif: (image) => image.gif(),
};

const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ImageError) return error.kind;
      throw error;
    },
  );

describe.each(Object.entries(encoders))("verification in full, %s", (name, encode) => {
  const whole = encode(sharp(noise, { raw: { width, height, channels: 3 } })).toBuffer();
  const path = join(scratch, name);
  const check = async (bytes: Buffer) => {
    writeFileSync(path, bytes);
    const decoded = [undefined, 32].map((shorterSide) =>
      kindOf(decodeFile(path, { channels: 3, shorterSide })),
    );
    return await Promise.all([kindOf(verifyFile(path, "full")), ...decoded]);
  };

  it("finds files that are cut off anywhere", async () => {
    const bytes = await whole;
    expect(await check(bytes)).toEqual([undefined, undefined, undefined]);
    const cuts = [...Array.from({ length: 20 }, (_, i) => i / 20), 0.99, 0.995, 0.999];
    const lengths = [...cuts.map((share) => Math.floor(bytes.length * share)), bytes.length - 10];
    for (const length of lengths) {
      const [verified, ...decoded] = await check(bytes.subarray(0, length));
      // The picture may be whole without the last few bytes; a file that is no image any more is one of the others.
      const few = length < 12;
      expect(few ? ["empty", "truncated", "not-an-image"] : ["truncated"], `${length} bytes`).toContain(
        verified,
      );
      for (const kind of decoded) expect([verified, undefined]).toContain(kind);
    }
  });

  it("lets nothing through that does not decode", { timeout: 30_000 }, async () => {
    const bytes = await whole;
    const random = randomStream(0, "damage", name);
    for (let trial = 0; trial < 30; trial++) {
      const damaged = Buffer.from(bytes);
      // Half of the trials near the end, which a hasty look leaves out.
      const from = trial % 2 ? 0 : Math.floor(bytes.length * 0.97);
      const at = random.integer(from, bytes.length);
      damaged[at] = (damaged[at] as number) ^ random.integer(1, 256);
      const [verified, ...decoded] = await check(damaged);
      if (verified === undefined) expect(decoded, `byte ${at}`).toEqual([undefined, undefined]);
    }
  });
});
