/** The formats that are decoded; everything else stays unopened, whatever a file's ending says. */
export type ImageFormat = "jpeg" | "png" | "webp" | "gif";

/** Endings of images that are not read: such files are listed, so that a folder does not get smaller without a word. */
export const unsupportedEndings: ReadonlyMap<string, string> = new Map([
  [".avif", "an AVIF image"],
  [".bmp", "a BMP image"],
  [".heic", "a HEIC image"],
  [".heif", "a HEIF image"],
  [".jp2", "a JPEG 2000 image"],
  [".jxl", "a JPEG XL image"],
  [".pbm", "a Netpbm image"],
  [".pgm", "a Netpbm image"],
  [".pnm", "a Netpbm image"],
  [".ppm", "a Netpbm image"],
  [".psd", "a Photoshop file"],
  [".svg", "an SVG drawing"],
  [".svgz", "an SVG drawing"],
  [".tif", "a TIFF image"],
  [".tiff", "a TIFF image"],
]);

/** What is said of an image in another format. */
export function unsupportedReason(is: string): string {
  return `${is}; JPEG, PNG, WebP and GIF are read`;
}

/** How many bytes `sniff` wants to see, where the file has as many. */
export const SNIFFED_BYTES = 1024;

export type Sniffed =
  | { readonly format: ImageFormat }
  | { readonly kind: "not-an-image" | "unsupported-format"; readonly is: string };

/**
 * Tells what a file is by its first bytes. The decoder is only given the four formats above: what else it could load
 * (SVG, PDF and others) may read other files, or take without end.
 */
export function sniff(bytes: Buffer): Sniffed {
  const format = imageFormats.find(({ test }) => test(bytes));
  if (format) return { format: format.name };
  const other = otherFormats.find(({ test }) => test(bytes));
  if (other) return { kind: other.image ? "unsupported-format" : "not-an-image", is: other.is };
  const head = bytes.toString("latin1", 0, SNIFFED_BYTES).trimStart().toLowerCase();
  if (/<svg[\s>]/.test(head)) return { kind: "unsupported-format", is: "an SVG drawing" };
  if (/^(<!doctype html|<html|<head|<body)/.test(head)) return { kind: "not-an-image", is: "an HTML page" };
  if (head.startsWith("<")) return { kind: "not-an-image", is: "an XML or HTML text" };
  const text = /^[\t\n\r\x20-\x7e]+$/.test(head);
  return { kind: "not-an-image", is: text ? "a text" : "bytes of no known image format" };
}

const starts = (magic: string, at = 0) => {
  const expected = Buffer.from(magic, "latin1");
  return (bytes: Buffer) => bytes.subarray(at, at + expected.length).equals(expected);
};

const riff = starts("RIFF");
const webp = starts("WEBP", 8);
const boxes = starts("ftyp", 4);
/** The brand of an ISO base media file (ISO/IEC 14496-12) that has one of these. */
const brand = (...brands: string[]) => {
  const tests = brands.map((name) => starts(name, 8));
  return (bytes: Buffer) => boxes(bytes) && tests.some((test) => test(bytes));
};
const either =
  (...tests: ((bytes: Buffer) => boolean)[]) =>
  (bytes: Buffer) =>
    tests.some((test) => test(bytes));

const imageFormats: { name: ImageFormat; test: (bytes: Buffer) => boolean }[] = [
  { name: "jpeg", test: starts("\xff\xd8\xff") },
  { name: "png", test: starts("\x89PNG\r\n\x1a\n") },
  { name: "webp", test: (bytes) => riff(bytes) && webp(bytes) },
  { name: "gif", test: either(starts("GIF87a"), starts("GIF89a")) },
];

const otherFormats: { is: string; image?: true; test: (bytes: Buffer) => boolean }[] = [
  {
    is: "a TIFF or raw camera image",
    image: true,
    test: either(starts("II*\0"), starts("MM\0*"), starts("II+\0"), starts("MM\0+")),
  },
  { is: "an AVIF image", image: true, test: brand("avif", "avis") },
  {
    is: "a HEIC or HEIF image",
    image: true,
    test: brand("heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"),
  },
  { is: "a BMP image", image: true, test: (bytes) => starts("BM")(bytes) && starts("\0\0\0\0", 6)(bytes) },
  {
    is: "a JPEG XL image",
    image: true,
    test: either(starts("\xff\x0a"), starts("\0\0\0\x0cJXL \r\n\x87\n")),
  },
  {
    is: "a JPEG 2000 image",
    image: true,
    test: either(starts("\xff\x4f\xff\x51"), starts("\0\0\0\x0cjP  \r\n\x87\n")),
  },
  { is: "a Photoshop file", image: true, test: starts("8BPS") },
  { is: "an icon file", image: true, test: starts("\0\0\x01\0") },
  {
    is: "a Netpbm image",
    image: true,
    test: (bytes) => /^P[1-7][\s#]/.test(bytes.toString("latin1", 0, 3)),
  },
  { is: "a video", test: either(boxes, starts("\x1aE\xdf\xa3"), (b) => riff(b) && starts("AVI ", 8)(b)) },
  { is: "a PDF document", test: starts("%PDF") },
  { is: "a PostScript document", test: starts("%!PS") },
  { is: "a zip archive or an office document", test: starts("PK\x03\x04") },
  { is: "a gzip archive", test: starts("\x1f\x8b") },
  {
    is: "a file list of macOS or its resource fork",
    test: either(starts("\0\x05\x16\x07"), starts("\0\0\0\x01Bud1")),
  },
];
