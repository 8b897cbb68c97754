import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../../../test/scratch.js";
import { parseCocoAnnotations } from "./coco.js";
import { parseCsvAnnotations } from "./csv.js";
import { checkFileName } from "./file-name.js";
import {
  cocoAnnotations,
  csvAnnotations,
  jsonAnnotations,
  type VocAnnotationOptions,
  vocAnnotations,
} from "./index.js";
import { parseJsonAnnotations } from "./json.js";
import { vocCollector } from "./voc.js";

const scratch = scratchFolder();
const csv = (text: string, options = {}) => parseCsvAnnotations(Buffer.from(text), options, "some.csv");
const json = (value: unknown, options = {}) =>
  parseJsonAnnotations(
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    options,
    "some.json",
  );
const coco = (value: unknown, options = {}) =>
  parseCocoAnnotations(Buffer.from(JSON.stringify(value)), options, "coco.json");
const voc = (text: string, options: VocAnnotationOptions = {}) => {
  const collected = vocCollector(options);
  collected.add(Buffer.from(text), "some.xml");
  return collected.finish();
};
const vocFile = (file: string, objects: string) =>
  `<annotation><filename>${file}</filename>${objects}</annotation>`;
const object = (name: string, rest = "") => `<object><name>${name}</name>${rest}</object>`;

describe("annotations of a CSV file", () => {
  it("have a label a line, quoted and not, with a byte order mark, and classes in order", () => {
    expect(csv('\ufefffile,label\r\na.jpg,dog\r\n"b ""1"", x.jpg", cat \r\n\r\nc.jpg,dog')).toEqual({
      classes: ["cat", "dog"],
      samples: [
        { file: "a.jpg", labels: [1] },
        { file: 'b "1", x.jpg', labels: [0] },
        { file: "c.jpg", labels: [1] },
      ],
    });
  });

  it("have columns by name or number, another delimiter, and no header", () => {
    const byName = csv("id;species;path\n1;10;x/a.jpg\n2;9;x/b.jpg", {
      delimiter: ";",
      file: "path",
      label: "species",
    });
    expect(byName).toEqual({
      classes: ["9", "10"], // as numbers
      samples: [
        { file: "x/a.jpg", labels: [1] },
        { file: "x/b.jpg", labels: [0] },
      ],
    });
    expect(csv("cat,a.jpg", { header: false, file: 1, label: 0 }).samples).toEqual([
      { file: "a.jpg", labels: [0] },
    ]);
  });

  it("have several labels in a cell, or none", () => {
    const text = "file,tags\na.jpg,primary haze  primary\nb.jpg,\nc.jpg,clear";
    expect(csv(text, { separator: " " })).toEqual({
      classes: ["clear", "haze", "primary"],
      samples: [
        { file: "a.jpg", labels: [1, 2] },
        { file: "b.jpg", labels: [] },
        { file: "c.jpg", labels: [0] },
      ],
    });
  });

  it("have one-hot columns, all or some of them, with 0 or -1 where not", () => {
    const text = "file,young,smiling,age\na.jpg,1,-1,0\nb.jpg,0, 1 ,0";
    expect(csv(text, { oneHot: true })).toEqual({
      classes: ["young", "smiling", "age"],
      samples: [
        { file: "a.jpg", labels: [0] },
        { file: "b.jpg", labels: [1] },
      ],
    });
    expect(csv(text, { oneHot: ["smiling", "young"] }).samples[0]?.labels).toEqual([1]);
    expect(csv(text, { oneHot: true, classes: ["age", "smiling", "young"] }).samples[0]?.labels).toEqual([2]);
  });

  it("take classes that are given, in their order, and leave others out where that is wanted", () => {
    const text = "file,label\na.jpg,dog\nb.jpg,cow\nc.jpg,cat";
    expect(() => csv(text, { classes: ["dog", "cat"] })).toThrow(
      'some.csv: line 3: expected a class among "dog", "cat", got "cow"',
    );
    const skipped = csv(text, { classes: ["dog", "cat"], unknownClasses: "skip" });
    expect(skipped.samples.map(({ labels }) => labels)).toEqual([[0], [], [1]]);
  });

  it("refuse an image twice, however it is spelt, or take the labels of both", () => {
    const text = "file,label\nx/a.jpg,dog\n./x//a.jpg,cat";
    expect(() => csv(text)).toThrow('some.csv: line 3: expected each image once, got "x/a.jpg" again');
    expect(csv(text, { duplicates: "merge" }).samples).toEqual([{ file: "x/a.jpg", labels: [0, 1] }]);
  });

  it.each<[string, string, object, RegExp]>([
    ["nothing", "", {}, /expected at least one line, got none/],
    ["one column too few", "file,label\na.jpg", {}, /line 2: expected 2 columns, got 1/],
    ["one column too many", "file,label\na.jpg,b,c", {}, /line 2: expected 2 columns, got 3/],
    ["an open quote", 'file,label\n"a.jpg,b', {}, /expected CSV, got: quote not closed/],
    ["a quote inside", 'file,label\na"b,c', {}, /line 2: expected CSV, got: /],
    [
      "no such column",
      "file,label\na.jpg,b",
      { label: "class" },
      /line 1: expected a column "class", got columns "file", "label"/,
    ],
    ["no such number", "a.jpg,b", { header: false, label: 2 }, /expected a column 2, got 2 columns/],
    ["a name without header", "a.jpg,b", { header: false, label: "b" }, /expected a column "b"/],
    ["a column twice", "file,file\na,b", {}, /line 1: expected each column once, got "file" twice/],
    ["no label", "file,label\na.jpg,  ", {}, /line 2: expected a label, got an empty one/],
    ["half hot", "file,a\na.jpg,0.5", { oneHot: true }, /line 2: column "a": expected 1, 0 or -1, got "0.5"/],
    ["a column without a name", "file,\na.jpg,1", { oneHot: true }, /expected a name for each column/],
    [
      "a path upwards",
      "file,label\n../a.jpg,b",
      {},
      /line 2: expected the name of a file inside .* got "..\/a.jpg"/,
    ],
  ])("refuse %s", (_, text, options, message) => {
    expect(() => csv(text, options)).toThrow(message);
    expect(() => csv(text, options)).toThrow(/^some\.csv: /);
  });

  it("refuse other bytes than UTF-8", () => {
    expect(() => parseCsvAnnotations(Uint8Array.of(0x66, 0x2c, 0xff), {}, "some.csv")).toThrow(
      /^some\.csv: expected UTF-8/,
    );
  });

  it("refuse options that do not fit each other", () => {
    for (const options of [
      { delimiter: ",," },
      { delimiter: '"' },
      { separator: "" },
      { oneHot: true, header: false },
      { oneHot: true, label: "x" },
      { classes: [] },
      { classes: ["a", "a"] },
      { duplicates: "last" },
      { unknownClasses: "keep" },
    ]) {
      expect(() => csv("file,label\na,b", options), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: "bad-option" }),
      );
    }
  });

  it("come from a file", async () => {
    const path = join(scratch, "labels.csv");
    writeFileSync(path, "file,label\na.jpg,dog\n");
    expect(await csvAnnotations(path)).toEqual({
      classes: ["dog"],
      samples: [{ file: "a.jpg", labels: [0] }],
    });
    await expect(csvAnnotations(join(scratch, "none.csv"))).rejects.toMatchObject({ code: "missing-file" });
  });
});

describe("annotations of a JSON file", () => {
  const expected = {
    classes: ["cat", "dog"],
    samples: [
      { file: "a.jpg", labels: [1] },
      { file: "b.jpg", labels: [0, 1] },
      { file: "c.jpg", labels: [] },
    ],
  };

  it("are labels by file, or records", () => {
    expect(json({ "a.jpg": "dog", "b.jpg": ["dog", "cat", "dog"], "c.jpg": [] })).toEqual(expected);
    const records = [
      { file: "a.jpg", label: "dog", width: 12 },
      { file: "b.jpg", labels: ["dog", "cat"] },
      { file: "c.jpg", labels: [] },
    ];
    expect(json(records)).toEqual(expected);
    const others = [{ path: "a.jpg", tags: [10, 9] }];
    expect(json(others, { file: "path", label: "tags" })).toEqual({
      classes: ["9", "10"],
      samples: [{ file: "a.jpg", labels: [0, 1] }],
    });
  });

  it("come from a file, gzipped too", async () => {
    const path = join(scratch, "labels.json.gz");
    writeFileSync(path, gzipSync(JSON.stringify({ "a.jpg": "dog" })));
    expect(await jsonAnnotations(path)).toEqual({
      classes: ["dog"],
      samples: [{ file: "a.jpg", labels: [0] }],
    });
  });

  it("take names that every object has for what they are", () => {
    expect(json('{"__proto__":"constructor","constructor":["__proto__"]}')).toEqual({
      classes: ["__proto__", "constructor"],
      samples: [
        { file: "__proto__", labels: [1] },
        { file: "constructor", labels: [0] },
      ],
    });
    expect(() => json([{ label: "a" }], { file: "constructor" })).toThrow(
      /record 0: constructor: expected a text, got nothing/,
    );
  });

  it.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /expected JSON/],
    ["an image twice", '{"a.jpg":"dog","a.jpg":"cat"}', /each key of an object once, got "a.jpg" twice/],
    [
      "an image in two records",
      [
        { file: "a", label: "b" },
        { file: "a", label: "c" },
      ],
      /record 1: expected each image once/,
    ],
    ["a number", 1, /expected an object of labels by file or a list of records, got 1/],
    ["a record that is a list", [["a.jpg", "dog"]], /record 0: expected an object, got a list of 2/],
    ["a record without a file", [{ label: "dog" }], /record 0: file: expected a text, got nothing/],
    [
      "a record without a label",
      [{ file: "a.jpg" }],
      /record 0: label: expected a label or a list of labels, got nothing/,
    ],
    [
      "a label that is an object",
      { "a.jpg": {} },
      /"a.jpg": expected a label or a list of labels, got an object/,
    ],
    ["half a label", { "a.jpg": [0.5] }, /"a.jpg": expected a label or a list of labels, got 0.5/],
    ["an empty label", { "a.jpg": "" }, /"a.jpg": expected a label, got an empty one/],
    ["a path from the root", { "/etc/passwd": "a" }, /got "\/etc\/passwd" \(a path from the root\)/],
  ])("refuse %s", (_, value, message) => {
    expect(() => json(value)).toThrow(message);
    expect(() => json(value)).toThrow(/^some\.json: /);
  });
});

describe("annotations of COCO", () => {
  const file = {
    info: { year: 2017 },
    images: [
      { id: 7, file_name: "val/a.jpg", width: 1, height: 1 },
      { id: 3, file_name: "val/b.jpg" },
    ],
    annotations: [
      { id: 1, image_id: 7, category_id: 90, bbox: [0, 0, 1, 1] },
      { id: 2, image_id: 7, category_id: 1 },
      { id: 3, image_id: 7, category_id: 90 },
    ],
    categories: [
      { id: 90, name: "toothbrush", supercategory: "indoor" },
      { id: 1, name: "person" },
    ],
  };

  it("have the categories of an image's instances, numbered by their ids", async () => {
    const expected = {
      classes: ["person", "toothbrush"],
      samples: [
        { file: "val/a.jpg", labels: [0, 1] },
        { file: "val/b.jpg", labels: [] },
      ],
    };
    expect(coco(file)).toEqual(expected);
    const path = join(scratch, "instances.json");
    writeFileSync(path, JSON.stringify(file));
    expect(await cocoAnnotations(path)).toEqual(expected);
    expect(coco(file, { classes: ["toothbrush"], unknownClasses: "skip" }).samples[0]?.labels).toEqual([0]);
  });

  it.each<[string, object, RegExp]>([
    ["a list", [], /images: expected a value, got nothing/],
    ["no images", { ...file, images: undefined }, /images: expected a value, got nothing/],
    [
      "an image without a name",
      { ...file, images: [{ id: 1 }] },
      /images\[0\]\.file_name: expected a value, got nothing/,
    ],
    [
      "a list for an id",
      { ...file, images: [{ id: [1], file_name: "a" }] },
      /images\[0\]\.id: expected a number or a text, got \[1\]/,
    ],
    [
      "an image's id twice",
      { ...file, images: [file.images[0], file.images[0]] },
      /images\[1\]\.id: expected each id once, got 7 again/,
    ],
    [
      "a file twice",
      { ...file, images: [file.images[0], { id: 1, file_name: "val/a.jpg" }] },
      /images\[1\]: expected each image once/,
    ],
    [
      "a category twice",
      { ...file, categories: [file.categories[0], file.categories[0]] },
      /categories\[1\]\.id: expected each id once/,
    ],
    [
      "a category's name twice",
      { ...file, categories: [...file.categories, { id: 2, name: "person" }] },
      /each name once/,
    ],
    [
      "a category without a name",
      { ...file, categories: [{ id: 1, name: "" }] },
      /categories\[0\]: expected a name/,
    ],
    [
      "an unknown image",
      { ...file, annotations: [{ image_id: 8, category_id: 1 }] },
      /annotations\[0\]\.image_id: expected an id among images, got 8/,
    ],
    [
      "an unknown category",
      { ...file, annotations: [{ image_id: 7, category_id: 2 }] },
      /annotations\[0\]\.category_id: .* got 2/,
    ],
    [
      "a path upwards",
      { ...file, images: [{ id: 7, file_name: "a/../../b.jpg" }] },
      /images\[0\]: expected the name of a file inside/,
    ],
  ])("refuse %s", (_, value, message) => {
    expect(() => coco(value)).toThrow(message);
    expect(() => coco(value)).toThrow(/^coco\.json: /);
  });
});

describe("annotations of Pascal VOC", () => {
  it("have the classes of all objects, without their parts, with or without the difficult ones", () => {
    const person = object("person", "<difficult>1</difficult><part><name>head</name></part>");
    const text = `<?xml version="1.0" encoding="utf-8"?>
      <annotation>
        <folder>VOC2012</folder><filename>
        2007_000027.jpg</filename><source><name>x</name></source>
        ${object("dog", "<bndbox><xmin>1</xmin></bndbox>")}${object("dog")}${person}
        ${object("<![CDATA[cat]]> &amp; mouse")}
      </annotation>`;
    expect(voc(text)).toEqual({
      classes: ["cat & mouse", "dog", "person"],
      samples: [{ file: "2007_000027.jpg", labels: [0, 1, 2] }],
    });
    expect(voc(text, { difficult: false }).classes).toEqual(["cat & mouse", "dog"]);
    // A class that is difficult once and plain once is shown.
    const twice = text.replace("</annotation>", `${object("dog", "<difficult>1</difficult>")}</annotation>`);
    expect(voc(twice, { difficult: "not-counted" }).samples).toEqual([
      { file: "2007_000027.jpg", labels: [0, 1], notCounted: [2] },
    ]);
    expect(() => voc(text, { difficult: "yes" as never })).toThrow(/^difficult: .*got "?yes/);
  });

  it("come from a folder, all or by a list", async () => {
    const folder = join(scratch, "Annotations");
    mkdirSync(folder);
    for (const [name, label] of [
      ["b", "dog"],
      ["a", "cat"],
      ["c", "cow"],
    ] as const) {
      writeFileSync(join(folder, `${name}.xml`), vocFile(`${name}.jpg`, object(label)));
    }
    expect((await vocAnnotations(folder)).samples.map(({ file }) => file)).toEqual([
      "a.jpg",
      "b.jpg",
      "c.jpg",
    ]);
    const list = join(scratch, "train.txt");
    writeFileSync(list, "c\r\nb\r\n");
    expect(await vocAnnotations(folder, { list })).toEqual({
      classes: ["cow", "dog"],
      samples: [
        { file: "c.jpg", labels: [0] },
        { file: "b.jpg", labels: [1] },
      ],
    });
    writeFileSync(list, "b\n../secret\n");
    await expect(vocAnnotations(folder, { list })).rejects.toThrow(
      /train\.txt: line 2: expected the name of a file/,
    );
    await expect(vocAnnotations(join(scratch, "none"))).rejects.toMatchObject({ code: "missing-file" });
    mkdirSync(join(scratch, "empty"));
    await expect(vocAnnotations(join(scratch, "empty"))).rejects.toThrow(/expected XML files, got none/);
  });

  const laughs = `<!DOCTYPE annotation [<!ENTITY a "${"lol".repeat(10)}"><!ENTITY b "&a;&a;&a;&a;">]>`;
  it.each<[string, string, RegExp]>([
    ["nothing", "", /expected XML/],
    ["text", "dog", /expected XML/],
    ["an open element", "<annotation><filename>a</filename>", /expected XML, got unclosed tag/],
    ["elements that cross", "<annotation><filename>a</annotation></filename>", /line 1: expected XML/],
    ["another element", "<html/>", /expected the element annotation, got html/],
    ["a document type", `${laughs}${vocFile("&b;", "")}`, /line 1: expected no document type, got one/],
    ["an entity of its own", vocFile("&b;", ""), /expected XML, got undefined entity/],
    ["an external entity", `<!DOCTYPE a SYSTEM "file:///etc/passwd">${vocFile("a", "")}`, /no document type/],
    ["no file", "<annotation></annotation>", /expected a filename, got none/],
    [
      "two files",
      "<annotation><filename>a</filename>\n<filename>b</filename></annotation>",
      /line 2: expected one filename/,
    ],
    [
      "an object without a name",
      vocFile("a", "<object/>"),
      /expected an object with a name, got one without/,
    ],
    [
      "an object with two",
      vocFile("a", "<object><name>a</name><name>b</name></object>"),
      /one name of an object/,
    ],
    ["an empty name", vocFile("a", object(" ")), /expected the name of an object, got an empty one/],
    [
      "half difficult",
      vocFile("a", object("a", "<difficult>2</difficult>")),
      /difficult to be 0 or 1, got "2"/,
    ],
    ["a thousand levels", "<annotation>".repeat(1000), /at most 32 elements inside each other/],
    [
      "a path upwards",
      vocFile("../a.jpg", ""),
      /the name of a file inside the image folder, got "..\/a.jpg"/,
    ],
    ["a drive", vocFile("C:a.jpg", ""), /got "C:a.jpg" \(a drive letter\)/],
  ])("refuse %s", (_, text, message) => {
    expect(() => voc(text)).toThrow(message);
    expect(() => voc(text)).toThrow(/^some\.xml: /);
  });
});

describe("checkFileName", () => {
  it.each([
    ["a.jpg", "a.jpg"],
    ["./a//b/./c.jpg", "a/b/c.jpg"],
    ["..a/b..", "..a/b.."],
    ["naïve ✓.jpg", "naïve ✓.jpg"],
    ["a\nb.jpg", "a\nb.jpg"],
  ])("takes %j", (name, path) => {
    expect(checkFileName(name, "x")).toBe(path);
  });

  it.each([
    "",
    ".",
    "..",
    "../a",
    "a/..",
    "a/../b",
    "/a",
    "//a",
    "a/",
    "a/.",
    "C:\\a",
    "c:a",
    "..\\a",
    "\\\\host\\a",
    "a\0.jpg",
  ])("refuses %j", (name) => {
    expect(() => checkFileName(name, "some.csv: line 3")).toThrow(
      /^some\.csv: line 3: expected the name of a file inside the image folder, got /,
    );
  });
});
