import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { surviveDamage } from "../../../../../fixtures/damage.js";
import type { Annotations } from "./annotations.js";
import { parseCocoAnnotations } from "./coco.js";
import { parseCsvAnnotations } from "./csv.js";
import { checkFileName } from "./file-name.js";
import { parseJsonAnnotations } from "./json.js";
import { vocCollector } from "./voc.js";

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
/** A name that is a path inside a folder, in its shortest form. */
const fileName = text.filter((name) => !/^\.*$|[\\/\0]|^[A-Za-z]:/.test(name));
/** A label as CSV keeps it: without spaces around. */
const label = text.map((name) => name.trim()).filter((name) => name !== "");
const samples = fc.uniqueArray(
  fc.record({ file: fileName, names: fc.uniqueArray(label, { maxLength: 3 }) }),
  {
    selector: ({ file }) => file,
    minLength: 1,
    maxLength: 8,
  },
);

/** By file, the names of its classes. */
const namesOf = ({ classes, samples }: Annotations) =>
  samples.map(({ file, labels }) => [file, labels.map((index) => classes[index]).sort()]);
const expected = (all: readonly { file: string; names: readonly string[] }[]) =>
  all.map(({ file, names }) => [file, [...names].sort()]);

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const escaped = (content: string) =>
  content.replace(/[&<>]|[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, (character) =>
    character.length === 1 && "&<>".includes(character) ? `&#${character.codePointAt(0)};` : "_",
  );

describe("any annotations", () => {
  it("come back from a CSV file", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const rows = all.map(({ file, names }) => `${quoted(file)},${quoted(names.join("\0"))}`);
        const options = { separator: "\0" };
        const read = parseCsvAnnotations(Buffer.from(["file,label", ...rows].join("\n")), options);
        expect(namesOf(read)).toEqual(expected(all));
      }),
    );
  });

  it("come back from a JSON file of either form", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const records = all.map(({ file, names }) => ({ file, labels: names }));
        expect(namesOf(parseJsonAnnotations(Buffer.from(JSON.stringify(records))))).toEqual(expected(all));
        const object = Object.fromEntries(all.map(({ file, names }) => [file, names]));
        const read = namesOf(parseJsonAnnotations(Buffer.from(JSON.stringify(object))));
        // Keys that are whole numbers come first in an object.
        expect(read.sort()).toEqual(expected(all).sort());
      }),
    );
  });

  it("come back from a COCO file", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const names = [...new Set(all.flatMap(({ names }) => names))];
        const file = {
          images: all.map(({ file }, i) => ({ id: i, file_name: file })),
          categories: names.map((name, i) => ({ id: 10 * i, name })),
          annotations: all.flatMap((sample, i) =>
            sample.names.map((name) => ({ image_id: i, category_id: 10 * names.indexOf(name) })),
          ),
        };
        expect(namesOf(parseCocoAnnotations(Buffer.from(JSON.stringify(file))))).toEqual(expected(all));
      }),
    );
  });

  it("come back from Pascal VOC's files", () => {
    fc.assert(
      fc.property(fileName, fc.uniqueArray(label, { maxLength: 3 }), (file, names) => {
        const objects = names.map((name) => `<object><name>${escaped(name)}</name></object>`).join("");
        const collected = vocCollector();
        const xml = `<annotation><filename>${escaped(file)}</filename>${objects}</annotation>`;
        fc.pre(escaped(file).trim() !== "" && !escaped(file).includes("_") && !/^\s|\s$/.test(file));
        fc.pre(!names.some((name) => escaped(name).includes("_")));
        collected.add(Buffer.from(xml), "a.xml");
        expect(namesOf(collected.finish())).toEqual([[file, [...names].sort()]]);
      }),
    );
  });
});

describe("annotations with any byte changed or cut off", () => {
  const voc = (bytes: Uint8Array) => {
    const collected = vocCollector();
    collected.add(bytes, "some.file");
    return collected.finish();
  };
  it.each<[string, string, (bytes: Uint8Array) => Annotations]>([
    [
      "CSV",
      'file,label\na.jpg,dog\n"b,.jpg","cat ""1"""\n',
      (bytes) => parseCsvAnnotations(bytes, {}, "some.file"),
    ],
    [
      "one-hot CSV",
      "file,a,b\na.jpg,1,0\nb.jpg,0,-1\n",
      (bytes) => parseCsvAnnotations(bytes, { oneHot: true }, "some.file"),
    ],
    [
      "JSON",
      '{"a.jpg":["dog","cat"],"b\\u00e9.jpg":"dog"}',
      (bytes) => parseJsonAnnotations(bytes, {}, "some.file"),
    ],
    [
      "COCO",
      '{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[{"image_id":1,"category_id":2}],"categories":[{"id":2,"name":"dog"}]}',
      (bytes) => parseCocoAnnotations(bytes, {}, "some.file"),
    ],
    [
      "VOC",
      "<annotation><filename>a.jpg</filename><object><name>dog &amp; cat</name></object></annotation>",
      voc,
    ],
  ])("are refused as a bad file or are whole: %s", (_, file, parse) => {
    const counts = surviveDamage({
      bytes: Uint8Array.from(Buffer.from(file)),
      source: "some.file",
      parse,
      check({ classes, samples }) {
        expect(new Set(classes).size).toBe(classes.length);
        for (const { file, labels } of samples) {
          expect(checkFileName(file, "x")).toBe(file);
          for (const index of labels) expect(classes[index]).toBeTruthy();
        }
      },
    });
    expect(counts.accepted).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(50);
  });
});
