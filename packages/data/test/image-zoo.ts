/** Every kind of image file that a folder may hold, good and bad, made for real. */
import { readFileSync } from "node:fs";
import { deflateSync, gzipSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import type { ImageProblemKind } from "../src/index.js";
import { chunk, claimGifSize, claimJpegSize, png, repeatScan, tinyWebp, whitePng } from "./crafted-images.js";

export type Colour = readonly [red: number, green: number, blue: number];

export interface ReadableFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly size: readonly [width: number, height: number];
  /** Colours in the middle of the four quarters: left and right above, left and right below. */
  readonly quarters: readonly [Colour, Colour, Colour, Colour];
  /** The largest difference of a channel; 0 for what loses nothing. */
  readonly tolerance: number;
}

export interface BadFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly kind: ImageProblemKind;
  readonly reason: string;
}

const red: Colour = [255, 0, 0];
const green: Colour = [0, 255, 0];
const blue: Colour = [0, 0, 255];
const white: Colour = [255, 255, 255];
const grey = (level: number): Colour => [level, level, level];
const [width, height] = [48, 32] as const;

/** A picture of four quarters, the second with transparency where `alpha` is given. */
function picture(alpha?: number): Sharp {
  const channels = alpha === undefined ? 3 : 4;
  const pixels = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const right = x >= width / 2;
      const [above, below] = right ? [green, white] : [red, blue];
      const colour = y < height / 2 ? above : below;
      const pixel = alpha === undefined ? colour : [...colour, colour === green ? alpha : 255];
      pixels.set(pixel, (y * width + x) * channels);
    }
  }
  return sharp(pixels, { raw: { width, height, channels } });
}

const jpegOptions = { quality: 95, chromaSubsampling: "4:4:4" } as const;

/** An animation: the picture, then another. */
async function twoFrames(): Promise<Buffer> {
  const frames = await Promise.all([picture(), picture().negate()].map((frame) => frame.png().toBuffer()));
  return await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
}

/** Files that are read, with what must come out. */
export async function readableFiles(): Promise<ReadableFile[]> {
  const jpeg = await picture().jpeg(jpegOptions).toBuffer();
  const pngBytes = await picture().png().toBuffer();
  const text = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>";
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), Buffer.from(text)]);
  const two = deflateSync(Buffer.from([0, 255, 0, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255]));
  const bomb = (type: string, head: string) => {
    const unpacked = deflateSync(Buffer.alloc(50_000_000, 65));
    const extra = [chunk(type, Buffer.concat([Buffer.from(head, "latin1"), unpacked]))];
    return png({ width: 2, height: 2, depth: 8, colour: 2, data: two, extra });
  };
  const usual = { size: [width, height], quarters: [red, green, blue, white], tolerance: 2 } as const;
  const exact = { ...usual, tolerance: 0 };
  const square = { ...exact, size: [2, 2] } as const;
  const one = { size: [1, 1], quarters: [red, red, red, red], tolerance: 2 } as const;
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: "#ff0000" } });
  return [
    { name: "plain.jpg", bytes: jpeg, ...usual },
    {
      name: "progressive.jpg",
      bytes: await picture()
        .jpeg({ ...jpegOptions, progressive: true })
        .toBuffer(),
      ...usual,
    },
    {
      name: "garbage after its end.jpg",
      bytes: Buffer.concat([jpeg, Buffer.alloc(5000, "\xff\xd8\xff<svg>")]),
      ...usual,
    },
    {
      name: "drawing-in-comment.jpg",
      bytes: Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]),
      ...usual,
    },
    {
      name: "display-p3.jpg",
      bytes: await picture().withIccProfile("p3").jpeg(jpegOptions).toBuffer(),
      ...usual,
      tolerance: 6,
    },
    { name: "png named as.jpg", bytes: pngBytes, ...exact },
    { name: "jpeg named as.png", bytes: jpeg, ...usual },
    { name: "webp named as.gif", bytes: await picture().webp({ lossless: true }).toBuffer(), ...exact },
    { name: "plain.PNG", bytes: pngBytes, ...exact },
    { name: "interlaced.png", bytes: await picture().png({ progressive: true }).toBuffer(), ...exact },
    { name: "palette.png", bytes: await picture().png({ palette: true, colours: 4 }).toBuffer(), ...exact },
    { name: "16-bit.png", bytes: await picture().toColourspace("rgb16").png().toBuffer(), ...exact },
    {
      name: "clear.png",
      bytes: await picture(0).png().toBuffer(),
      ...exact,
      quarters: [red, white, blue, white],
    },
    // 255 * 51 / 255 of green on white leaves 204 of the others.
    {
      name: "alpha.webp",
      bytes: await picture(51).webp({ lossless: true }).toBuffer(),
      ...exact,
      quarters: [red, [204, 255, 204], blue, white],
      tolerance: 1,
    },
    {
      name: "16-bit-alpha.png",
      bytes: await picture(51).toColourspace("rgb16").png().toBuffer(),
      ...exact,
      quarters: [red, [204, 255, 204], blue, white],
      tolerance: 1,
    },
    {
      name: "clear.gif",
      bytes: await picture(0).gif().toBuffer(),
      ...exact,
      quarters: [red, white, blue, white],
    },
    // Of grey levels and of colours one may be clear (the chunk tRNS, in the file's own depth): 0 and 85, clear, 170, 255.
    {
      name: "clear-level-of-2-bits.png",
      bytes: png({
        ...{ width: 2, height: 2, depth: 2, colour: 0, data: deflateSync(Buffer.from([0, 0x10, 0, 0xb0])) },
        extra: [chunk("tRNS", Buffer.from([0, 1]))],
      }),
      ...square,
      quarters: [grey(0), white, grey(170), white],
    },
    {
      name: "clear-colour.png",
      bytes: png({
        ...{ width: 2, height: 2, depth: 8, colour: 2, data: two },
        extra: [chunk("tRNS", Buffer.from([0, 0, 0, 255, 0, 0]))],
      }),
      ...square,
      quarters: [red, white, blue, white],
    },
    // Animations whose later frames nobody asks for: the first one's picture, whatever they hold.
    { name: "cut-after-first-frame.gif", bytes: (await twoFrames()).subarray(0, -30), ...exact },
    { name: "1x1.jpg", bytes: await pixel.clone().jpeg(jpegOptions).toBuffer(), ...one },
    { name: "1x1.png", bytes: await pixel.clone().png().toBuffer(), ...one },
    { name: "1x1.webp", bytes: await pixel.clone().webp({ lossless: true }).toBuffer(), ...one },
    { name: "1x1.gif", bytes: await pixel.clone().gif().toBuffer(), ...one },
    { name: "32 bytes.webp", bytes: tinyWebp(7, 5, red), ...one, size: [7, 5] },
    // Texts and profiles that unpack to 50 MB are not unpacked, and the picture is read.
    { name: "text-bomb.png", bytes: bomb("zTXt", "Comment\0\0"), ...square },
    { name: "profile-bomb.png", bytes: bomb("iCCP", "profile\0\0"), ...square },
  ];
}

/** Files that are left out, with the kind and the exact words. */
export async function badFiles(): Promise<BadFile[]> {
  const jpeg = await picture().jpeg(jpegOptions).toBuffer();
  const progressive = await picture()
    .jpeg({ ...jpegOptions, progressive: true })
    .toBuffer();
  const pngBytes = await picture().png().toBuffer();
  const webp = await picture().webp().toBuffer();
  const gif = await picture().gif().toBuffer();
  const few = deflateSync(Buffer.alloc(100));
  const cut = { kind: "truncated", reason: "a file that ends before its image does" } as const;
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2);
  const large = (w: number, h: number) =>
    ({ kind: "too-large", reason: `${w} x ${h} pixels, more than maximumPixels (100000000)` }) as const;
  const damaged = (format: string, what = "pixels") =>
    ({ kind: "damaged", reason: `a damaged ${format} file whose ${what} cannot be decoded` }) as const;
  const other = (is: string) =>
    ({ kind: "unsupported-format", reason: `${is}; JPEG, PNG, WebP and GIF are read` }) as const;
  const no = (is: string) => ({ kind: "not-an-image", reason: `no image but ${is}` }) as const;
  const flipped = Buffer.from(pngBytes);
  const middle = flipped.indexOf("IDAT") + 8;
  flipped.fill(0x55, middle, middle + 20);
  const bmp = readFileSync(new URL("../../../fixtures/images/plain.bmp", import.meta.url));
  const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08mdat", "latin1");
  return [
    { name: "empty.jpg", bytes: Buffer.alloc(0), kind: "empty", reason: "an empty file (0 bytes)" },
    { name: "cut.jpg", bytes: half(jpeg), ...cut },
    { name: "cut-progressive.jpg", bytes: half(progressive), ...cut },
    { name: "start-of-image.jpg", bytes: jpeg.subarray(0, 3), ...cut },
    { name: "cut.png", bytes: half(pngBytes), ...cut },
    { name: "cut.webp", bytes: half(webp), ...cut },
    { name: "cut.gif", bytes: half(gif), ...cut },
    { name: "wrong-bytes.png", bytes: flipped, ...damaged("PNG") },
    {
      name: "no-pixels.png",
      bytes: png({ width: 900, height: 900, depth: 8, colour: 2, data: few }),
      ...damaged("PNG"),
    },
    { name: "no-frame.jpg", bytes: Buffer.from([0xff, 0xd8, 0xff, 0xd9]), ...damaged("JPEG", "header") },
    { name: "endless-scans.jpg", bytes: repeatScan(progressive, 2000), ...damaged("JPEG") },
    {
      name: "claims-20000.png",
      bytes: png({ width: 20_000, height: 20_000, depth: 8, colour: 2, data: few }),
      ...large(20_000, 20_000),
    },
    { name: "real-20000.png", bytes: whitePng(20_000, 20_000), ...large(20_000, 20_000) },
    { name: "claims-20000.jpg", bytes: claimJpegSize(jpeg, 20_000, 20_000), ...large(20_000, 20_000) },
    { name: "claims-20000.gif", bytes: claimGifSize(20_000, 20_000), ...large(20_000, 20_000) },
    { name: "real-16383.webp", bytes: tinyWebp(16_383, 16_383, red), ...large(16_383, 16_383) },
    {
      name: "claims-4-billion.png",
      bytes: png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, depth: 8, colour: 2, data: few }),
      ...damaged("PNG", "header"),
    },
    {
      name: "page.jpg",
      bytes: Buffer.from("<!DOCTYPE html><html><title>404</title>"),
      ...no("an HTML page"),
    },
    {
      name: "error.jpg",
      bytes: Buffer.from("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
      ...no("an XML or HTML text"),
    },
    { name: "words.png", bytes: Buffer.from("not an image\n"), ...no("a text") },
    { name: "document.png", bytes: Buffer.from("%PDF-1.7\n1 0 obj\n"), ...no("a PDF document") },
    // Opened as SVG it would be asked for what it unpacks to.
    {
      name: "packed-drawing.png",
      bytes: gzipSync('<svg xmlns="http://www.w3.org/2000/svg" width="90000" height="90000"/>'),
      ...no("a gzip archive"),
    },
    {
      name: "archive.jpg",
      bytes: Buffer.from("PK\x03\x04\x14\0", "latin1"),
      ...no("a zip archive or an office document"),
    },
    {
      name: "film.jpg",
      bytes: Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isomiso2", "latin1"),
      ...no("a video"),
    },
    { name: "zeros.jpg", bytes: Buffer.alloc(4096), ...no("bytes of no known image format") },
    // Refers to another file, which a decoder of SVG would be asked to open.
    {
      name: "drawing.png",
      bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'),
      ...other("an SVG drawing"),
    },
    {
      name: "drawing-with-head.jpg",
      bytes: Buffer.from('<?xml version="1.0"?>\n<svg width="1" height="1"/>'),
      ...other("an SVG drawing"),
    },
    { name: "scan.jpg", bytes: await picture().tiff().toBuffer(), ...other("a TIFF or raw camera image") },
    { name: "new.jpg", bytes: await picture().avif().toBuffer(), ...other("an AVIF image") },
    { name: "phone.jpg", bytes: heic, ...other("a HEIC or HEIF image") },
    { name: "old.png", bytes: bmp, ...other("a BMP image") },
    { name: "xl.jpg", bytes: Buffer.from("\xff\x0a\xfa\x1f", "latin1"), ...other("a JPEG XL image") },
    {
      name: "2000.jpg",
      bytes: Buffer.from("\0\0\0\x0cjP  \r\n\x87\n", "latin1"),
      ...other("a JPEG 2000 image"),
    },
    { name: "by-ending.HEIC", bytes: heic, ...other("a HEIC image") },
    { name: "by-ending.tif", bytes: await picture().tiff().toBuffer(), ...other("a TIFF image") },
    { name: "by-ending.bmp", bytes: bmp, ...other("a BMP image") },
    { name: "by-ending.ppm", bytes: Buffer.from("P6 1 1 255 abc"), ...other("a Netpbm image") },
    { name: "by-ending.svg", bytes: Buffer.from("<svg/>"), ...other("an SVG drawing") },
    { name: "by-ending.avif", bytes: await picture().avif().toBuffer(), ...other("an AVIF image") },
  ];
}
