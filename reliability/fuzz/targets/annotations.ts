import type { Annotations } from "@sitjs/data";
// By path: the package's own functions read files, and load each parser with the first of them.
import { parseCocoAnnotations } from "../../../packages/data/src/formats/annotations/coco.js";
import { parseCsvAnnotations } from "../../../packages/data/src/formats/annotations/csv.js";
import { parseJsonAnnotations } from "../../../packages/data/src/formats/annotations/json.js";
import { vocCollector } from "../../../packages/data/src/formats/annotations/voc.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import { mutateText } from "../mutate/text.js";
import { promise, type Target } from "../target.js";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const textOf = (file: Uint8Array) => Buffer.from(file).toString();

/** What whoever trains on annotations relies on. */
function check({ classes, samples }: Annotations): void {
  promise(
    new Set(classes).size === classes.length && !classes.includes(""),
    "classes with a name, each once",
  );
  const files = new Set<string>();
  for (const { file, labels } of samples) {
    promise(!files.has(file), "each image once");
    files.add(file);
    // On this system and on Windows: no way up, no root, no drive, no end of a C text.
    promise(
      file !== "" && !/(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|\\|\0/.test(file),
      `a file inside the folder, not ${JSON.stringify(file)}`,
    );
    labels.forEach((label, i) => {
      promise(label >= 0 && label < classes.length, "labels that are classes");
      promise(i === 0 || label > (labels[i - 1] as number), "labels in order, each once");
    });
  }
}

const paths = [
  "../x",
  "/etc/passwd",
  "a/../../b",
  "C:\\x",
  "c:x",
  "\\\\host\\x",
  "./a",
  "a//b",
  "a/",
  ".",
  "..",
];
const csvTokens = [
  ",",
  ";",
  '"',
  '""',
  "\n",
  "\r\n",
  "\r",
  "\t",
  "\0",
  "\ufeff",
  "-1",
  "1",
  "é",
  "\u2028",
  "#",
  ...paths,
];
const csvText = 'file,label,extra\na.jpg,dog,1\n"b, ""2"".jpg",cat,0\nfolder/c.jpg,"dog|cat",1\n';
const hotText = "file,dog,cat\na.jpg,1,0\nb.jpg,0,-1\nc.jpg,1,1\n";

const csvTarget = (name: string, text: string, options: object): Target<Annotations> => ({
  name,
  corpus: () => [bytesOf(text), bytesOf(text.replaceAll("\n", "\r\n"))],
  mutate: (file, rng, corpus) =>
    rng.chance(0.2) ? mutateBytes(file, rng, corpus) : mutateText(textOf(file), rng, csvTokens),
  source: "some.csv",
  codes: ["bad-file"],
  parse: (file) => parseCsvAnnotations(file, options, "some.csv"),
  check,
  // The library goes byte by byte, and before it is compiled each byte leaves some 350 bytes of garbage.
  allowed: (size) => 512 * size + 2 ** 19,
});
export const csv = csvTarget("csv", csvText, {});
export const csvSeparated = csvTarget("csv, several labels", csvText, {
  separator: "|",
  duplicates: "merge",
});
export const csvOneHot = csvTarget("csv, one-hot", hotText, { oneHot: true });

const jsonTarget = (
  name: string,
  values: readonly unknown[],
  parse: (file: Uint8Array, options: object, source: string) => Annotations,
): Target<Annotations> => ({
  name,
  corpus: () =>
    values.flatMap((value) => [JSON.stringify(value), JSON.stringify(value, null, 2)]).map(bytesOf),
  mutate: (file, rng, corpus) =>
    rng.chance(0.2)
      ? mutateBytes(file, rng, corpus)
      : bytesOf(mutateJson(textOf(file), rng).slice(0, 2 ** 16)),
  source: "some.json",
  codes: ["bad-file"],
  parse: (file) => parse(file, {}, "some.json"),
  check,
});

export const json = jsonTarget(
  "json",
  [
    { "a.jpg": "dog", "b.jpg": ["dog", "cat"], "c/d.jpg": [] },
    [
      { file: "a.jpg", label: "dog" },
      { file: "c/b.jpg", labels: ["dog", 7] },
    ],
  ],
  parseJsonAnnotations,
);

export const coco = jsonTarget(
  "coco",
  [
    {
      images: [
        { id: 1, file_name: "a.jpg", width: 10 },
        { id: 2, file_name: "c/b.jpg" },
      ],
      annotations: [
        { id: 1, image_id: 1, category_id: 3, bbox: [0, 0, 1, 1] },
        { id: 2, image_id: 2, category_id: 5, segmentation: [[1, 2, 3, 4]] },
      ],
      categories: [
        { id: 3, name: "dog" },
        { id: 5, name: "cat", supercategory: "animal" },
      ],
    },
  ],
  parseCocoAnnotations,
);

const vocText = `<?xml version="1.0"?>
<annotation>
  <folder>VOC2012</folder><filename>a.jpg</filename>
  <size><width>10</width><height>8</height></size>
  <object><name>dog</name><difficult>1</difficult><part><name>head</name></part></object>
  <object><name><![CDATA[cat]]> &amp; co</name><bndbox><xmin>1</xmin></bndbox></object>
</annotation>
`;
const vocTokens = [
  "<annotation>",
  "</annotation>",
  "<object>",
  "</object>",
  "<object/>",
  "<name>",
  "</name>",
  "<filename>",
  "</filename>",
  "<difficult>2</difficult>",
  "<",
  ">",
  "/>",
  "&",
  "&lol;",
  "&#0;",
  "&#x110000;",
  "&#xd800;",
  "<![CDATA[",
  "]]>",
  "<!--",
  "-->",
  "--",
  "<?x",
  "?>",
  '<!DOCTYPE a [<!ENTITY lol "lol">]>',
  '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
  "<!ENTITY",
  ' a="b"',
  " xmlns:x='y'",
  "\0",
  "\ufffe",
  "é",
  ...paths,
];

export const voc: Target<Annotations> = {
  name: "voc",
  corpus: () => [bytesOf(vocText)],
  mutate: (file, rng, corpus) =>
    rng.chance(0.2) ? mutateBytes(file, rng, corpus) : mutateText(textOf(file), rng, vocTokens),
  source: "some.xml",
  codes: ["bad-file"],
  parse(file) {
    const collected = vocCollector();
    collected.add(file, "some.xml");
    return collected.finish();
  },
  check,
};
