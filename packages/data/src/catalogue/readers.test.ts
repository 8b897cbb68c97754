import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { SitError } from "@sitjs/core/errors";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../../test/scratch.js";
import type { ImageDataset } from "../dataset.js";
import type { OpenPartOptions } from "./entry.js";
import { catalogue, catalogueEntry } from "./index.js";

const scratch = scratchFolder();
const fixtures = fileURLToPath(new URL("../../../../fixtures", import.meta.url));
const folderOf = (name: string) => join(fixtures, "data-sets", name);

interface Expected {
  readonly images: readonly string[];
  readonly labels?: readonly number[];
  readonly names?: readonly string[];
  readonly shown?: readonly (readonly string[])[];
  readonly notCounted?: readonly (readonly string[])[];
}
const {
  mnist: digits,
  "stl-10": stl,
  ...listed
} = JSON.parse(readFileSync(join(folderOf("."), "expected.json"), "utf8"));

async function open(name: string, folder: string, options: OpenPartOptions): Promise<ImageDataset> {
  const entry = catalogueEntry(name);
  if (entry === undefined) throw new Error(`no entry ${name}`);
  return await entry.open(folder, options);
}

/** The names of the classes whose target is `value`, for each sample. */
function classesWith({ length, targets = new Uint8Array(), classes = [] }: ImageDataset, value: number) {
  const row = (sample: number) => targets.subarray(sample * classes.length, (sample + 1) * classes.length);
  return Array.from({ length }, (_, sample) => classes.filter((_, i) => row(sample)[i] === value));
}

async function sumOf(dataset: ImageDataset, index: number): Promise<number> {
  const { data } = await dataset.image(index);
  return (data as Uint8Array).reduce((sum, level) => sum + level, 0);
}

const cases = Object.entries<Record<string, Expected>>(listed).flatMap(([name, parts]) =>
  Object.entries(parts).map(([part, expected]) => [name, part, expected] as const),
);

describe("a data set of files", () => {
  it.each(cases)("%s has the images and labels that others read: %s", async (name, part, expected) => {
    const folder = folderOf(name);
    const dataset = await open(name, folder, { part });
    expect(dataset).toMatchObject({ name: `${name}/${part}`, length: expected.images.length, channels: 3 });
    expect(dataset.classes).toHaveLength(catalogueEntry(name)?.classes as number);
    if (dataset.storage.kind !== "files") throw new Error("not of files");
    const { root, paths } = dataset.storage;
    expect(paths.map((path) => join(root, path))).toEqual(expected.images.map((path) => join(folder, path)));
    if (expected.labels) expect([...(dataset.labels ?? [])]).toEqual(expected.labels);
    if (expected.names) {
      expect(Array.from(dataset.labels ?? [], (label) => dataset.classes?.[label])).toEqual(expected.names);
    }
    if (expected.shown) {
      expect(dataset.labels).toBeUndefined();
      expect(classesWith(dataset, 1)).toEqual(expected.shown);
      expect(classesWith(dataset, 255)).toEqual(expected.notCounted);
    }
    expect(await dataset.image(0)).toMatchObject({ width: 8, height: 8, channels: 3 });
  });

  it("is every part of every entry that has such files", () => {
    for (const [name, parts] of Object.entries(listed)) {
      // The training images of ImageNet are in folders of classes, see below.
      if (name === "imagenet-1k") continue;
      const known = catalogueEntry(name)?.parts.map((part) => part.name);
      expect(Object.keys(parts as object).sort()).toEqual([...(known ?? [])].sort());
    }
    const others = ["fashion-mnist", "cifar-10", "mnist", "cifar-100", "stl-10"];
    const names = catalogue.map(({ name }) => name);
    expect(names.filter((name) => !(name in listed))).toEqual(expect.arrayContaining(others));
    expect(names).toHaveLength(others.length + Object.keys(listed).length);
  });

  it("is found where a folder inside is named, in grey, and smaller", async () => {
    const inside = join(folderOf("voc-2007"), "VOCdevkit", "VOC2007");
    const options = { part: "test", channels: 1, shorterSide: 4 } as const;
    const dataset = await open("voc-2007", inside, options);
    expect(await dataset.image(1)).toMatchObject({ width: 4, height: 4, channels: 1 });
  });

  it("has the classes' own names", async () => {
    const birds = await open("cub-200-2011", folderOf("cub-200-2011"), { part: "test" });
    expect(Array.from(birds.labels ?? [], (label) => birds.classes?.[label])).toEqual([
      "Bird of aa",
      "Bird of bp",
    ]);
    const tiny = await open("tiny-imagenet", folderOf("tiny-imagenet"), { part: "train" });
    // Two sets of synonyms begin with crane.
    const names = Array.from(tiny.labels ?? [], (label) => tiny.classes?.[label]);
    expect(names).toEqual(
      ["crane (n10023757)", "thing 9", "thing 9", "crane (n10087817)"].toSorted(
        (a, b) => names.indexOf(a) - names.indexOf(b),
      ),
    );
    expect(new Set(tiny.classes).size).toBe(200);
  });

  it("names an image that its folders list and that cannot be reached", async () => {
    const folder = join(scratch, "unreachable");
    cpSync(folderOf("tiny-imagenet"), folder, { recursive: true });
    const images = join(folder, "tiny-imagenet-200", "train");
    symlinkSync("nowhere", join(images, readdirSync(images)[0] as string, "lost.JPEG"));
    await expect(open("tiny-imagenet", folder, { part: "train" })).rejects.toThrow(/lost\.JPEG \(a link to/);
  });

  it("opens an image when it is needed, and names a damaged one", async () => {
    const folder = join(scratch, "damaged");
    cpSync(folderOf("flowers-102"), folder, { recursive: true });
    const image = join(folder, "jpg", "image_00004.jpg");
    writeFileSync(image, readFileSync(image).subarray(0, 200));
    const dataset = await open("flowers-102", folder, { part: "train" });
    await expect(dataset.image(0)).rejects.toMatchObject({
      code: "bad-file",
      kind: "truncated",
      message: expect.stringContaining(image),
    });
    await expect(dataset.image(1)).resolves.toMatchObject({ width: 8 });
  });
});

describe("a data set of arrays", () => {
  it.each(["train", "test"])("MNIST is read as others read it, grey or in colour: %s", async (part) => {
    const { labels, sums } = digits[part];
    const dataset = await open("mnist", folderOf("mnist"), { part });
    expect(dataset).toMatchObject({ length: labels.length, channels: 1, labels: Int32Array.from(labels) });
    for (const [i, sum] of sums.entries()) expect(await sumOf(dataset, i)).toBe(sum);
    const colour = await open("mnist", folderOf("mnist"), { part, channels: 3 });
    expect(colour).toMatchObject({ channels: 3, labels: Int32Array.from(labels), classes: dataset.classes });
    expect(await sumOf(colour, 1)).toBe(3 * sums[1]);
  });

  it("MNIST is read without gzip too", async () => {
    const folder = join(scratch, "plain-mnist");
    mkdirSync(folder);
    for (const file of readdirSync(folderOf("mnist"))) {
      writeFileSync(
        join(folder, file.replace(".gz", "")),
        gunzipSync(readFileSync(join(folderOf("mnist"), file))),
      );
    }
    expect(await open("mnist", folder, { part: "test" })).toMatchObject({ labels: Int32Array.of(7, 2) });
  });

  it("STL-10 is read as others read it, with labels and without", async () => {
    const folder = join(scratch, "stl10_binary");
    mkdirSync(folder);
    const copy = (from: string, to: string) =>
      cpSync(join(fixtures, "binary-images", from), join(folder, to));
    copy("stl-10-images.bin", "test_X.bin");
    copy("stl-10-labels.bin", "test_y.bin");
    copy("stl-10-images.bin", "unlabeled_X.bin");
    writeFileSync(
      join(folder, "class_names.txt"),
      Array.from({ length: 10 }, (_, i) => `thing ${i}\n`).join(""),
    );
    const dataset = await open("stl-10", scratch, { part: "test" });
    expect([...(dataset.labels ?? [])]).toEqual(stl.test.labels);
    for (const [i, pixel] of stl.test["column 5, row 2"].entries()) {
      const { data } = await dataset.image(i);
      expect([...data.subarray((2 * 96 + 5) * 3, (2 * 96 + 5) * 3 + 3)]).toEqual(pixel);
    }
    const unlabelled = await open("stl-10", scratch, { part: "unlabelled" });
    expect(unlabelled).toMatchObject({ length: 2, labels: undefined });
    await expect(open("stl-10", scratch, { part: "train" })).rejects.toThrow(
      /expected stl10_binary\/train_X\.bin/,
    );
  });

  it("CIFAR-100 has its fine labels, and grey images where they are wanted", async () => {
    const folder = join(scratch, "cifar-100-binary");
    mkdirSync(folder);
    cpSync(join(fixtures, "binary-images", "cifar-100.bin"), join(folder, "train.bin"));
    const names = Array.from({ length: 100 }, (_, i) => `thing_${i}`);
    writeFileSync(join(folder, "fine_label_names.txt"), `${names.join("\n")}\n`);
    const dataset = await open("cifar-100", scratch, { part: "train" });
    expect(dataset).toMatchObject({
      length: 3,
      channels: 3,
      classes: names,
      labels: Int32Array.of(99, 4, 50),
    });
    const grey = await open("cifar-100", scratch, { part: "train", channels: 1 });
    const [red = 0, green = 0, blue = 0] = (await dataset.image(2)).data;
    const [level] = (await grey.image(2)).data;
    expect(level).toBe(Math.round(0.299 * red + 0.587 * green + 0.114 * blue));
    writeFileSync(join(folder, "fine_label_names.txt"), names.slice(1).join("\n"));
    await expect(open("cifar-100", scratch, { part: "train" })).rejects.toThrow(
      /expected 100 names of classes, got 99/,
    );
  });
});

describe("ImageNet-1K", () => {
  it("is read from folders of classes, with their names where a file has them", async () => {
    const folder = join(scratch, "imagenet");
    const image = readFileSync(join(folderOf("coco-2017"), "val2017", "000000000139.jpg"));
    const ids = Array.from({ length: 1000 }, (_, i) => `n${1440764 + 3 * i}`);
    for (const id of ids) mkdirSync(join(folder, "val", id), { recursive: true });
    for (const id of ids) writeFileSync(join(folder, "val", id, `${id}_1.JPEG`), image);
    const dataset = await open("imagenet-1k", folder, { part: "test" });
    expect(dataset).toMatchObject({ name: "imagenet-1k/test", length: 1000, classes: ids });
    expect(dataset.labels?.[999]).toBe(999);
    writeFileSync(join(folder, "synset_words.txt"), ids.map((id, i) => `${id} thing ${i}, other\n`).join(""));
    const named = await open("imagenet-1k", folder, { part: "test" });
    expect(named.classes?.slice(0, 2)).toEqual(["thing 0", "thing 1"]);
    // An image that cannot be reached: a test set is not opened without it.
    const lost = join(folder, "val", ids[7] as string, "lost.JPEG");
    symlinkSync("nowhere", lost);
    await expect(open("imagenet-1k", folder, { part: "test" })).rejects.toThrow(
      /expected every image to be readable .* got 1 of 1001 .*lost\.JPEG \(a link to nowhere, which is not there\)/,
    );
    cpSync(join(folder, "val"), join(folder, "train"), { recursive: true, verbatimSymlinks: true });
    const told: string[] = [];
    const onProblem = ({ path }: { path: string }) => told.push(path);
    const train = await open("imagenet-1k", folder, { part: "train", onProblem });
    expect([train.length, told]).toEqual([1000, [`${ids[7]}/lost.JPEG`]]);
    rmSync(lost);
    rmSync(join(folder, "val", ids[7] as string), { recursive: true });
    await expect(open("imagenet-1k", folder, { part: "test" })).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(/expected the 1000 classes of ImageNet-1K .*, got 999$/),
    });
  });
});

type Change = (content: Buffer) => string | Buffer | undefined;
const replace = (from: string | RegExp, to: string) => (content: Buffer) =>
  content.toString().replace(from, to);
const half: Change = (content) => content.subarray(0, content.length / 2);
const gone: Change = () => undefined;

describe("what is wrong is named", () => {
  const flowers = "flowers-102";
  const pets = "oxford-pets/oxford-iiit-pet";
  const birds = "cub-200-2011/CUB_200_2011";
  const planes = "fgvc-aircraft/fgvc-aircraft-2013b/data";
  const cars = "stanford-cars/stanford_cars";
  const tiny = "tiny-imagenet/tiny-imagenet-200";
  const imagenet = "imagenet-1k/ILSVRC2012_devkit_t12/data";
  const voc = "voc-2007/VOCdevkit/VOC2007";
  const coco = "coco-2017/annotations";
  it.each<[string, Change, RegExp]>([
    [`${flowers}/setid.mat`, half, /setid\.mat: byte 128: expected a variable of at most/],
    [`${flowers}/setid.mat`, gone, /setid\.mat: cannot be read \(ENOENT/],
    [
      `${flowers}/setid.mat`,
      () => readFileSync(join(folderOf(flowers), "imagelabels.mat")),
      /setid\.mat: trnid: expected numbers, got nothing/,
    ],
    [
      `${flowers}/imagelabels.mat`,
      half,
      /imagelabels\.mat: expected a MAT-file of level 5, got a file of 93 bytes/,
    ],
    [
      `${flowers}/jpg/image_00001.jpg`,
      gone,
      /image_00001\.jpg: expected the image of .*setid\.mat: trnid\(2\), got none$/,
    ],
    [
      `${pets}/annotations/trainval.txt`,
      replace("_Aa_1 1 2 1", "_Aa_1 1"),
      /trainval\.txt: line 1: expected image, class, species, breed, got "small/,
    ],
    [
      `${pets}/annotations/trainval.txt`,
      replace(" 37 ", " 38 "),
      /trainval\.txt: line 2: expected a class from 1 to 37, got "38"/,
    ],
    [
      `${pets}/annotations/trainval.txt`,
      replace("small_dog", "../../x"),
      /line 1: expected the name of a file inside the image folder, .* \(\.\.\)/,
    ],
    [`${pets}/annotations/trainval.txt`, (text) => `${text}${text}`, /line 4: expected each image once/],
    [
      `${pets}/annotations/list.txt`,
      replace(" 3 1 1", " 2 1 1"),
      /list\.txt: line 5: expected one name for class 2/,
    ],
    [
      `${pets}/annotations/list.txt`,
      replace(/.*_Bk_.*/, ""),
      /expected the 37 classes of Oxford-IIIT Pets, got 36/,
    ],
    [
      `${birds}/image_class_labels.txt`,
      replace("4 200", "4 201"),
      /image_class_labels\.txt: line 4: expected a class from 1 to 200, got "201"/,
    ],
    [
      `${birds}/image_class_labels.txt`,
      replace("1 1\n", ""),
      /image_class_labels\.txt: expected a line for image "1" of .*images\.txt: line 1/,
    ],
    [
      `${birds}/train_test_split.txt`,
      replace("1 1", "1 2"),
      /train_test_split\.txt: line 1: expected 0 or 1, got "2"/,
    ],
    [
      `${birds}/images.txt`,
      replace("2 ", "1 "),
      /images\.txt: line 2: expected each image once, got "1" again/,
    ],
    [
      `${birds}/classes.txt`,
      replace(/200 .*/, "200 001.Bird_of_aa"),
      /classes\.txt: expected each class once, got "Bird of aa" again/,
    ],
    [
      `${planes}/images_variant_train.txt`,
      replace("F/A-18", "F/A-19"),
      /images_variant_train\.txt: line 1: expected one of 100 classes, got "F\/A-19"/,
    ],
    [
      `${planes}/variants.txt`,
      replace("707-320\n", ""),
      /expected the 100 classes of FGVC-Aircraft .*, got 99/,
    ],
    [`${cars}/devkit/cars_train_annos.mat`, half, /cars_train_annos\.mat: byte 128: /],
    [
      `${cars}/devkit/cars_train_annos.mat`,
      gone,
      /expected cars_train_annos\.mat or devkit\/cars_train_annos\.mat in it, got neither/,
    ],
    [
      `${cars}/devkit/cars_meta.mat`,
      () => readFileSync(join(folderOf(cars), "devkit", "cars_train_annos.mat")),
      /cars_meta\.mat: class_names: expected cells, got nothing/,
    ],
    [
      `${tiny}/wnids.txt`,
      replace("n10071271", "n10071272"),
      /n10071271_0\.JPEG: expected one of 200 classes, got "n10071271"/,
    ],
    [
      `${imagenet}/ILSVRC2012_validation_ground_truth.txt`,
      replace("1000", "1001"),
      /ground_truth\.txt: line 3: expected the number of one of the 1000 classes of .*meta\.mat, got 1001$/,
    ],
    [`${imagenet}/meta.mat`, half, /meta\.mat: byte 128: expected a variable of at most/],
    [
      "imagenet-1k/val/ILSVRC2012_val_00000003.JPEG",
      gone,
      /val_00000003\.JPEG: expected the image of .*ground_truth\.txt: line 3, got none$/,
    ],
    [
      `${voc}/Annotations/000007.xml`,
      replace("person", "robot"),
      /000007\.xml: expected a class among .*, got "robot"/,
    ],
    [`${voc}/Annotations/000007.xml`, half, /000007\.xml: line \d+: expected XML/],
    [`${voc}/JPEGImages/000007.jpg`, gone, /expected every image .*000007\.jpg/],
    [`${coco}/instances_train2017.json`, half, /instances_train2017\.json: expected JSON/],
    [
      `${coco}/instances_train2017.json`,
      replace(/"id": 1, "name": "thing 1"/, '"id": 1, "name": "thing 2"'),
      /expected each name once/,
    ],
    ["mnist/train-labels-idx1-ubyte.gz", half, /train-labels-idx1-ubyte\.gz: expected a whole gzip file/],
    [
      "mnist/train-images-idx3-ubyte.gz",
      gone,
      /expected train-images-idx3-ubyte\.gz or train-images-idx3-ubyte in it/,
    ],
  ])("%s %#", async (path, change, message) => {
    const name = path.split("/", 1)[0] as string;
    const folder = join(scratch, "wrong", name);
    cpSync(folderOf(name), folder, { recursive: true });
    const file = join(scratch, "wrong", path);
    const changed = change(readFileSync(file));
    if (changed === undefined) rmSync(file);
    else writeFileSync(file, changed);
    const opened = open(name, folder, { part: name === "imagenet-1k" ? "test" : "train" });
    await expect(opened).rejects.toThrow(message);
    const error = await opened.catch((thrown: unknown) => thrown);
    expect(SitError.isInstance(error) && error.code).toMatch(/^(bad|missing)-file$/);
    rmSync(folder, { recursive: true });
  });
});

it("any list or array that is cut off, empty or overwritten gives an error that names a file, or a data set", async () => {
  const isImage = /\.jpe?g$/i;
  for (const name of [...Object.keys(listed), "mnist"]) {
    const folder = join(scratch, "cut", name);
    cpSync(folderOf(name), folder, { recursive: true });
    const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) =>
      join(folder, path),
    );
    for (const path of found.filter((each) => statSync(each).isFile() && !isImage.test(each))) {
      const content = readFileSync(path);
      const broken = [0, 1, 40, 0.3, 0.7, 0.98].map((end) =>
        content.subarray(0, end < 1 ? end * content.length : end),
      );
      const noise = Buffer.from(content.map((byte, i) => (i % 37 === 11 ? byte ^ 0x55 : byte)));
      for (const bytes of [...broken, noise]) {
        writeFileSync(path, bytes);
        for (const { name: part } of catalogueEntry(name)?.parts ?? []) {
          const outcome = await open(name, folder, { part }).catch((error: unknown) => error);
          if (!(outcome instanceof Error)) continue;
          const what = `${basename(path)} of ${bytes.length} bytes: ${outcome.stack}`;
          expect(SitError.isInstance(outcome) && /^(bad|missing)-file$/.test(outcome.code), what).toBe(true);
          expect(outcome.message, what).toContain(folder);
        }
      }
      writeFileSync(path, content);
    }
  }
});
