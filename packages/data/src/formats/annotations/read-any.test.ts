import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "../../../test/scratch.js";
import { type ReadAnnotationsOptions, readAnnotations } from "./index.js";

const folder = scratchFolder();
const put = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const voc = join(folder, "Annotations");
mkdirSync(voc);
for (const [name, labels] of [
  ["a", ["cat", "dog"]],
  ["b", []],
] as const) {
  const objects = labels.map((label) => `<object><name>${label}</name></object>`).join("");
  writeFileSync(
    join(voc, `${name}.xml`),
    `<annotation><filename>${name}.jpg</filename>${objects}</annotation>`,
  );
}

const coco = {
  images: [
    { id: 1, file_name: "a.jpg" },
    { id: 2, file_name: "b.jpg" },
  ],
  annotations: [
    { image_id: 1, category_id: 3 },
    { image_id: 1, category_id: 4 },
  ],
  categories: [
    { id: 3, name: "cat" },
    { id: 4, name: "dog" },
  ],
};

/** The same two images in every format. */
const same = {
  classes: ["cat", "dog"],
  samples: [
    { file: "a.jpg", labels: [0, 1] },
    { file: "b.jpg", labels: [] },
  ],
};

describe("readAnnotations", () => {
  it.each<[string, string, ReadAnnotationsOptions]>([
    ["CSV of labels", put("a.csv", "file,labels\na.jpg,cat|dog\nb.jpg,\n"), {}],
    ["CSV with another separator", put("b.csv", "file,labels\na.jpg,cat dog\nb.jpg,\n"), { separator: " " }],
    ["one-hot CSV without an ending", put("c", "file,cat,dog\na.jpg,1,1\nb.jpg,0,-1\n"), {}],
    ["JSON by file", put("d.json", '{"a.jpg": ["dog", "cat"], "b.jpg": []}'), {}],
    [
      "JSON records, white space first",
      put("e.txt", '\n [{"file": "a.jpg", "labels": ["cat", "dog"]}, {"file": "b.jpg", "labels": []}]'),
      {},
    ],
    ["COCO", put("f.json", JSON.stringify(coco)), {}],
    ["a folder of Pascal VOC", voc, {}],
  ])("knows %s", async (_, path, options) => {
    expect(await readAnnotations(path, options)).toEqual(same);
  });

  it("takes the format that is asked for", async () => {
    const path = put("g.json", JSON.stringify(coco));
    await expect(readAnnotations(path, { format: "json" })).rejects.toThrow(/expected a label or a list/);
    await expect(readAnnotations(path, { format: "csv" })).rejects.toThrow(/g\.json: line 1/);
  });

  it("keeps difficult objects of Pascal VOC uncounted, unless asked otherwise", async () => {
    const hard = join(folder, "Hard");
    mkdirSync(hard);
    const object = "<object><name>cow</name><difficult>1</difficult></object>";
    writeFileSync(join(hard, "c.xml"), `<annotation><filename>c.jpg</filename>${object}</annotation>`);
    expect((await readAnnotations(hard)).samples).toEqual([{ file: "c.jpg", labels: [], notCounted: [0] }]);
    expect((await readAnnotations(hard, { difficult: true })).samples).toEqual([
      { file: "c.jpg", labels: [0] },
    ]);
  });

  it("refuses what it cannot know, and options of another format", async () => {
    const xml = put("one.xml", "<annotation/>");
    await expect(readAnnotations(xml)).rejects.toThrow(/got one XML file/);
    await expect(readAnnotations(join(folder, "none"))).rejects.toThrow(/nothing at this path/);
    await expect(readAnnotations(xml, { format: "xml" as never })).rejects.toThrow(
      /^format: expected one of/,
    );
    const csv = put("h.csv", "file,labels\na.jpg,cat\n");
    await expect(readAnnotations(csv, { list: "train.txt" })).rejects.toThrow(/^list: /);
    await expect(readAnnotations(voc, { separator: " " })).rejects.toThrow(/^separator: /);
    await expect(readAnnotations(join(folder, "d.json"), { separator: " " })).rejects.toThrow(/^separator: /);
  });
});
