import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../test/scratch.js";
import { type FolderProblem, imageFolder } from "./index.js";

const scratch = scratchFolder();

/** A picture of one colour. */
const plain = (color: string, width = 6, height = 4): Sharp =>
  sharp({ create: { width, height, channels: 3, background: color } });

async function put(path: string, image: Sharp | Uint8Array | string): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  const bytes = typeof image === "string" || image instanceof Uint8Array ? image : await image.toBuffer();
  writeFileSync(path, bytes);
  return path;
}

/** The only image of a folder of its own. */
async function only(name: string, image: Sharp | Uint8Array, options = {}) {
  const folder = join(scratch, `only-${name}`);
  await put(join(folder, name), image);
  return (await imageFolder(folder, options)).image(0);
}
const firstPixel = ({ data }: { data: ArrayLike<number> }) => [data[0], data[1], data[2]];

describe("kinds of image files", () => {
  it.each(["jpeg", "png", "webp", "gif"] as const)("reads %s", async (format) => {
    const image = await only(`a.${format === "jpeg" ? "JPG" : format}`, plain("#ff0000").toFormat(format));
    expect([image.width, image.height, image.channels, image.data.length]).toEqual([6, 4, 3, 72]);
    const [red, green, blue] = firstPixel(image) as [number, number, number];
    expect(red).toBeGreaterThan(250);
    expect(Math.max(green, blue)).toBeLessThan(5);
  });

  it("turns pictures as their EXIF orientation says", async () => {
    // Left half black, right half white; orientation 6 is shown turned clockwise: black on top.
    const pixels = Buffer.alloc(8 * 4 * 3, 255);
    for (let y = 0; y < 4; y++) pixels.fill(0, y * 24, y * 24 + 12);
    const raw = sharp(pixels, { raw: { width: 8, height: 4, channels: 3 } });
    const image = await only("turned.jpg", raw.withMetadata({ orientation: 6 }).jpeg({ quality: 100 }));
    expect([image.width, image.height]).toEqual([4, 8]);
    expect(image.data[0]).toBeLessThan(20);
    expect(image.data[image.data.length - 1]).toBeGreaterThan(235);
  });

  it("lays transparency on white", async () => {
    const clear = sharp({
      create: { width: 2, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    });
    expect(firstPixel(await only("clear.png", clear.png()))).toEqual([255, 255, 255]);
  });

  it("reads 16-bit pictures as 8-bit, colour and grey", async () => {
    const colour = sharp({
      create: { width: 2, height: 2, channels: 3, background: "#804020" },
    }).toColourspace("rgb16");
    const bytes = await colour.png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    expect(firstPixel(await only("deep.png", bytes))).toEqual([0x80, 0x40, 0x20]);
    const grey = await plain("#808080").toColourspace("grey16").png().toBuffer();
    expect(await sharp(grey).metadata()).toMatchObject({ depth: "ushort", channels: 1 });
    expect(firstPixel(await only("deep-grey.png", grey))).toEqual([0x80, 0x80, 0x80]);
  });

  it("reads CMYK as sRGB", async () => {
    const bytes = await plain("#ff0000").toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    const image = await only("print.jpg", bytes);
    const [red, green, blue] = firstPixel(image) as [number, number, number];
    expect(image.data.length).toBe(72);
    expect(red).toBeGreaterThan(200);
    expect(Math.max(green, blue)).toBeLessThan(80);
  });

  it("reads a palette, grey with transparency, and the first frame of an animation", async () => {
    const palette = await plain("#00ff00").png({ palette: true }).toBuffer();
    expect(firstPixel(await only("palette.png", palette))).toEqual([0, 255, 0]);
    const greyAlpha = await plain("#404040").greyscale().ensureAlpha(1).png().toBuffer();
    expect(firstPixel(await only("grey-alpha.png", greyAlpha))).toEqual([0x40, 0x40, 0x40]);
    const frames = Buffer.concat([
      await plain("#0000ff").raw().toBuffer(),
      await plain("#ffffff").raw().toBuffer(),
    ]);
    const animation = sharp(frames, { raw: { width: 6, height: 8, channels: 3, pageHeight: 4 } });
    const image = await only("moving.gif", animation.gif({ delay: [10, 10] }));
    expect([image.width, image.height, ...firstPixel(image)]).toEqual([6, 4, 0, 0, 255]);
  });

  it("gives one grey channel, and shrinks to the shorter side, if told to", async () => {
    const grey = await only("grey.png", plain("#00ff00").png(), { channels: 1 });
    expect([grey.channels, grey.data.length]).toEqual([1, 24]);
    // Between the luma weights of BT.601 and the linear luminance of BT.709.
    expect(grey.data[0]).toBeGreaterThan(140);
    expect(grey.data[0]).toBeLessThan(230);
    const small = await only("large.jpg", plain("#123456", 300, 200).jpeg(), { shorterSide: 50 });
    expect([small.width, small.height]).toEqual([75, 50]);
    const kept = await only("small.png", plain("#123456", 30, 20).png(), { shorterSide: 50 });
    expect([kept.width, kept.height]).toEqual([30, 20]);
  });
});

describe("classes and order", () => {
  it("takes folders as classes, and sorts by name alone, whatever the name", async () => {
    const folder = join(scratch, "nasty");
    const png = await plain("#112233").png().toBuffer();
    const names = ["a[1].png", "a b.png", "ä.png", "日本.PNG", "#%?*.png", "-n.png", "x.tar.png", "'\".png"];
    for (const name of names) await put(join(folder, "cat & dog", name), png);
    await put(join(folder, "Zebra", "deep", "er", "z.png"), png);
    await put(join(folder, "Zebra", ".hidden.png"), "not an image");
    await put(join(folder, "Zebra", "notes.txt"), "not an image");
    await put(join(folder, ".git", "x.png"), png);
    mkdirSync(join(folder, "empty"));
    const told: FolderProblem[] = [];
    const dataset = await imageFolder(folder, { onProblem: (problem) => told.push(problem) });
    expect(dataset.classes).toEqual(["Zebra", "cat & dog"]);
    const paths = dataset.storage.kind === "files" ? dataset.storage.paths : [];
    expect(paths).toEqual(["Zebra/deep/er/z.png", ...names.map((name) => `cat & dog/${name}`).sort()]);
    expect(dataset.labels).toEqual(Int32Array.of(0, 1, 1, 1, 1, 1, 1, 1, 1));
    for (let i = 0; i < dataset.length; i++)
      expect(firstPixel(await dataset.image(i))).toEqual([0x11, 0x22, 0x33]);
    expect(told).toEqual([
      { path: "empty", kind: "empty-class", reason: "a folder without images: no class" },
    ]);
    expect(dataset.problems).toEqual(told);
  });

  it("has no labels for a flat folder, or where images lie beside folders, or if told so", async () => {
    const folder = join(scratch, "flat");
    await put(join(folder, "b.png"), plain("#000000").png());
    expect(await imageFolder(folder)).toMatchObject({ length: 1, classes: undefined, labels: undefined });
    await put(join(folder, "sub", "a.png"), plain("#000000").png());
    expect(await imageFolder(folder)).toMatchObject({ length: 2, classes: undefined, labels: undefined });
    expect(await imageFolder(folder, { classes: "none" })).toMatchObject({ length: 2, labels: undefined });
    await expect(imageFolder(folder, { classes: "folders" })).rejects.toThrow(
      /in a folder of its class, got b\.png/,
    );
  });

  it("keeps given class names, so that a test folder agrees with a training folder", async () => {
    const folder = join(scratch, "named");
    await put(join(folder, "dog", "a.png"), plain("#000000").png());
    const dataset = await imageFolder(folder, { classNames: ["cat", "dog"] });
    expect([dataset.classes, dataset.labels]).toEqual([["cat", "dog"], Int32Array.of(1)]);
    await expect(imageFolder(folder, { classNames: ["cat"] })).rejects.toThrow(/folders named cat, got dog/);
  });

  it("ends with links that go round, and follows the others", async () => {
    const folder = join(scratch, "links");
    await put(join(folder, "a", "1.png"), plain("#000000").png());
    symlinkSync(folder, join(folder, "a", "up"));
    symlinkSync(join(folder, "a"), join(folder, "b"));
    const dataset = await imageFolder(folder);
    expect(dataset.storage.kind === "files" && dataset.storage.paths).toEqual(["a/1.png", "b/1.png"]);
  });
});

describe("what goes wrong", () => {
  it.each([
    ["a missing folder", "missing", "missing-file", /missing: expected a folder of images, got nothing/],
    [
      "a file instead of a folder",
      "file.png",
      "bad-file",
      /file\.png: expected a folder of images, got a file/,
    ],
    ["an empty folder", "void", "bad-file", /void: expected images \(\.jpg, .*got no files/],
    ["a folder without images", "texts", "bad-file", /texts: expected images.*got 2 other files/],
  ])("names %s", async (_, name, code, message) => {
    await put(join(scratch, "file.png"), plain("#000000").png());
    mkdirSync(join(scratch, "void"), { recursive: true });
    await put(join(scratch, "texts", "a.txt"), "a");
    await put(join(scratch, "texts", "b", "c.csv"), "a");
    const failure = await imageFolder(join(scratch, name)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  const good = join(scratch, "mixed");
  beforeAll(async () => {
    // Enough in the picture that half of its file is not all of it.
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251);
    const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    for (let i = 0; i < 8; i++) await put(join(good, `${i}.jpg`), jpeg);
    await put(join(good, "cut.jpg"), jpeg.subarray(0, jpeg.length / 2));
    await put(join(good, "none.png"), "");
    await put(join(good, "page.gif"), "<html>404</html>");
    symlinkSync(join(good, "nowhere.png"), join(good, "dangling.png"));
  });
  it("leaves unreadable images out, lists them, and stops where they are too many", async () => {
    await expect(imageFolder(good)).rejects.toThrow(
      /at most 10\.0 % of the images.* \(maximumBadShare 0\.1\), got 4 of 12 \(33\.3 %\) unreadable: cut\.jpg/,
    );
    const told: FolderProblem[] = [];
    const progress: number[] = [];
    const dataset = await imageFolder(good, {
      maximumBadShare: 0.4,
      onProblem: (problem) => told.push(problem),
      onProgress: ({ checked }) => progress.push(checked),
    });
    expect(dataset.length).toBe(8);
    expect(dataset.problems.map(({ path }) => path)).toEqual([
      "cut.jpg",
      "dangling.png",
      "none.png",
      "page.gif",
    ]);
    expect(told).toEqual(dataset.problems);
    for (const { reason } of told) expect(reason).toMatch(/\w/);
    expect(progress.at(-1)).toBe(11);
  });

  it("warns where nobody listens", async () => {
    const warning = new Promise<Error>((resolve) => process.once("warning", resolve));
    await imageFolder(good, { maximumBadShare: 0.4 });
    expect((await warning).message).toMatch(/4 of 12 images left out: cut\.jpg \(.* and 1 more$/);
  });

  it("names the file where an image turns out unreadable only when it is wanted", async () => {
    const dataset = await imageFolder(good, {
      verify: "none",
      maximumBadShare: 1,
      onProblem: () => undefined,
    });
    const cut = dataset.storage.kind === "files" ? dataset.storage.paths.indexOf("cut.jpg") : -1;
    await expect(dataset.image(cut)).rejects.toThrow(/cut\.jpg: expected a readable image, got: \w/);
    await expect(dataset.image(dataset.length)).rejects.toThrow(/^index: .*got 11/);
  });

  it("asks for every image where no share may be bad, and for one where any may", async () => {
    await expect(imageFolder(good, { maximumBadShare: 0 })).rejects.toThrow(
      /expected every image to be readable \(maximumBadShare 0\), got 4 of 12 \(33\.3 %\) unreadable: cut\.jpg \(a file that ends/,
    );
    const folder = join(scratch, "all-bad");
    await put(join(folder, "a.png"), "");
    await expect(imageFolder(folder, { maximumBadShare: 1, onProblem: () => undefined })).rejects.toThrow(
      /expected at least one readable image \(maximumBadShare 1\), got 1 of 1 \(100\.0 %\) unreadable: a\.png/,
    );
  });

  it("keeps the label of a class none of whose images can be read, and says so", async () => {
    const folder = join(scratch, "lost-class");
    await put(join(folder, "c", "1.png"), plain("#000000").png());
    await put(join(folder, "a", "1.png"), plain("#000000").png());
    await put(join(folder, "b", "1.png"), "");
    mkdirSync(join(folder, "bb"));
    symlinkSync("nowhere.png", join(folder, "bb", "1.png"));
    const dataset = await imageFolder(folder, { maximumBadShare: 0.5, onProblem: () => undefined });
    expect([dataset.classes, dataset.labels]).toEqual([["a", "b", "bb", "c"], Int32Array.of(0, 3)]);
    expect(dataset.problems.map(({ path, kind }) => [path, kind])).toEqual([
      ["b/1.png", "empty"],
      ["bb/1.png", "link"],
      ["b", "empty-class"],
      ["bb", "empty-class"],
    ]);
    expect(dataset.problems[2]?.reason).toBe("a class without a readable image; its label stays");
    const named = await imageFolder(join(folder), {
      maximumBadShare: 0.5,
      classNames: ["a", "b", "bb", "c", "d"],
      onProblem: () => undefined,
    });
    expect(named.problems.at(-1)).toEqual({
      path: "d",
      kind: "empty-class",
      reason: "a class without a folder here; its label stays",
    });
  });

  it("refuses more than maximumPixels, also later in a run", async () => {
    const folder = join(scratch, "pixels");
    await put(join(folder, "a.png"), plain("#000000", 10, 10).png());
    await put(join(folder, "b.png"), plain("#000000", 10, 11).png());
    const options = { maximumBadShare: 0.5, maximumPixels: 100, onProblem: () => undefined };
    for (const verify of ["full", "header"] as const) {
      const { problems } = await imageFolder(folder, { ...options, verify });
      const reason = "10 x 11 pixels, more than maximumPixels (100)";
      expect(problems).toEqual([{ path: "b.png", kind: "too-large", reason }]);
    }
    const unchecked = await imageFolder(folder, { ...options, verify: "none" });
    expect((await unchecked.image(0)).width).toBe(10);
    await expect(unchecked.image(1)).rejects.toMatchObject({ code: "bad-file", kind: "too-large" });
    expect(await imageFolder(folder, { maximumPixels: 110 })).toMatchObject({ length: 2 });
  });

  it("passes other image formats over only where the endings are given", async () => {
    const folder = join(scratch, "endings");
    await put(join(folder, "a.png"), plain("#000000").png());
    await put(join(folder, "b.HEIC"), "any");
    await put(join(folder, "c.jfif"), plain("#000000").jpeg());
    await put(join(folder, "d.txt"), "any");
    const options = { maximumBadShare: 0.5, onProblem: () => undefined };
    const dataset = await imageFolder(folder, options);
    expect([dataset.length, dataset.problems.map(({ path }) => path)]).toEqual([2, ["b.HEIC"]]);
    const chosen = await imageFolder(folder, { ...options, extensions: [".PNG"] });
    expect([chosen.length, chosen.problems]).toEqual([1, []]);
  });

  it("stops when it is told to", async () => {
    const folder = join(scratch, "stopped");
    for (let i = 0; i < 60; i++) await put(join(folder, `${i}.png`), plain("#000000").png());
    const stop = new AbortController();
    let checked = 0;
    const opening = imageFolder(folder, {
      signal: stop.signal,
      onProgress() {
        checked++;
        stop.abort(new Error("enough"));
      },
    });
    await expect(opening).rejects.toThrow("enough");
    // Those that were in work.
    expect(checked).toBeLessThanOrEqual(16);
    await expect(imageFolder(folder, { signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
  });

  it.each([
    [{ channels: 2 }, /^channels/],
    [{ classes: "some" }, /^classes/],
    [{ verify: "maybe" }, /^verify/],
    [{ extensions: ["png"] }, /^extensions/],
    [{ shorterSide: 0 }, /^shorterSide/],
    [{ maximumBadShare: 2 }, /^maximumBadShare/],
    [{ maximumPixels: 0 }, /^maximumPixels/],
    [{ maximumPixels: 2 ** 31 }, /^maximumPixels/],
  ])("refuses %j", async (options, message) => {
    await expect(imageFolder(good, options as object)).rejects.toThrow(message);
  });
});
