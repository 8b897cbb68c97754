import { type DefaultTreeAdapterMap, type ParserError, parse } from "parse5";
import { expect, test } from "vitest";
import { encodePng, type Picture, pngFileUrl } from "../figures/png.js";
import type { ReportComparison, ReportData } from "./data.js";
import { renderComparison, renderReport } from "./render.js";

type Node = DefaultTreeAdapterMap["node"];
type Element = DefaultTreeAdapterMap["element"];

/** The page's elements; fails on anything that the HTML standard calls a parse error. */
function elements(page: string): Element[] {
  const errors: ParserError[] = [];
  const root = parse(page, { onParseError: (error) => errors.push(error) });
  expect(errors).toEqual([]);
  const found: Element[] = [];
  const walk = (node: Node): void => {
    if ("tagName" in node) found.push(node);
    if ("childNodes" in node) for (const child of node.childNodes) walk(child);
  };
  walk(root);
  return found;
}

const attribute = (element: Element, name: string) =>
  element.attrs.find((candidate) => candidate.name === name)?.value;
const titles = (page: string) =>
  elements(page).flatMap((element) => (element.tagName === "section" ? [attribute(element, "id")] : []));
/** The words between the tags, white space as one blank. */
const words = (page: string) =>
  page
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

function picture(channels: 1 | 3, seed: number): Picture {
  const data = Uint8Array.from({ length: 8 * 8 * channels }, (_, i) => (i * 37 + seed * 11) % 256);
  return { width: 8, height: 8, channels, data };
}

const mistake = { picture: picture(1, 3), label: 1, predicted: 0, probability: 0.75 };

const FULL: ReportData = {
  title: "SiT on small pictures",
  date: "2026-05-01T14:03:00Z",
  command: "npm run demo -- --seed 7",
  seed: 7,
  warnings: ["This ran on a portable engine."],
  engine: {
    name: "@tensorflow/tfjs-node",
    backend: "tensorflow",
    tensorflow: "2.21.0",
    cores: 2,
    kernels: ["FusedGelu"],
  },
  dataset: {
    name: "Pictures",
    images: 21_000,
    unlabelled: 10_000,
    labelled: 1_003,
    test: 9_997,
    classes: ["cat", "dog"],
  },
  pretrain: {
    epochs: 2,
    steps: 312,
    seconds: 543.2,
    imagesPerSecond: 552.4,
    history: [
      {
        epoch: 1,
        parts: { reconstruction: 0.8125, contrast: 1.734 },
        learningRate: 0.00031,
        imagesPerSecond: 541.3,
      },
      {
        epoch: 2,
        parts: { reconstruction: 0.4375, contrast: 1.211 },
        learningRate: 0.00007,
        imagesPerSecond: 563.7,
      },
    ],
    stepHistory: Array.from({ length: 312 }, (_, i) => ({
      step: i + 1,
      parts: { reconstruction: 1 / (1 + i) },
    })),
  },
  accuracy: [
    { labels: 100, scratch: 0.3204, pretrained: 0.6021 },
    { labels: 1_000, scratch: 0.741, pretrained: 0.732 },
  ],
  multiLabel: {
    mean: 0.7123,
    guessing: 0.2817,
    classes: [
      { name: "cat", averagePrecision: 0.8811, positives: 1_234, counted: 4_321 },
      { name: "dog", averagePrecision: null, positives: 0, counted: 4_321 },
    ],
  },
  knn: { before: 0.541, after: 0.672, k: 20 },
  linear: {
    top1: 0.7125,
    top5: 0.9875,
    labels: 1_003,
    epochs: 90,
    learningRate: 0.05,
    optimizer: "lars",
    features: "token, last 4 blocks",
    augmented: true,
    tried: [{ learningRate: 0.05, top1: 0.694 }],
  },
  fewShot: [
    { name: "nearest class mean", shots: 5, accuracies: [0.5, 0.6], mean: 0.55, low: -0.085, high: 1.185 },
    { name: "logistic regression", shots: 1, accuracies: [0.3, 0.3], mean: 0.3, low: 0.3, high: 0.3 },
  ],
  mistakes: [
    {
      title: "100 labels, pretrained",
      confusion: [
        [31, 9],
        [4, 56],
      ],
      worst: [
        { picture: picture(1, 9), label: 0, predicted: 1, probability: 0.987, image: "cat/<7>.png" },
        mistake,
      ],
    },
  ],
  finetune: [{ labels: 100, start: "pretrained", history: [{ epoch: 1, loss: 0.625, accuracy: 0.473 }] }],
  reconstructions: [
    {
      title: "Training images",
      rows: [
        {
          label: "cat",
          clean: picture(3, 1),
          corrupted: picture(3, 2),
          mask: picture(1, 3),
          reconstruction: picture(3, 4),
        },
      ],
    },
  ],
  embeddings: [
    {
      title: "Before",
      points: [
        [0, 0, 0],
        [1, 2, 1],
        [3, 1, null],
      ],
    },
    {
      title: "After",
      caption: "t-SNE, 3 images",
      points: [
        [0, 5, 0],
        [1, 2, 1],
      ],
    },
  ],
  comparison: {
    seeds: [0, 1],
    rows: [
      {
        name: "from scratch",
        runs: 2,
        knn: { values: [0.5, 0.6], mean: 0.55, deviation: 0.0707 },
        accuracy: [{ labels: 100, values: [0.4, 0.44], mean: 0.42, deviation: 0.0283 }],
      },
      {
        name: "<b>SiT</b>",
        runs: 1,
        accuracy: [{ labels: 100, values: [0.7], mean: 0.7, deviation: 0 }],
        seconds: 75,
        imagesPerSecond: 432.1,
      },
    ],
  },
  timings: [{ name: "fine-tuning", seconds: 98.7 }],
  peakMemoryMB: 1432.6,
  settings: { preset: "demo", backbone: { width: 64, block: [2, 9], dropPath: { rate: 0.15 } } },
  machine: { cpu: "two cores" },
  versions: { node: "20.20.2" },
};

test("a full report is valid HTML with a section for every part", async () => {
  expect(titles(await renderReport(FULL))).toEqual([
    "comparison",
    "accuracy",
    "precision",
    "knn",
    "linear",
    "few-shot",
    "mistakes",
    "embeddings",
    "reconstructions",
    "pretraining",
    "run",
    "settings",
  ]);
});

test("a comparison has a row for each method: mean and deviation, what is missing as a dash", async () => {
  const page = await renderReport(FULL);
  const rows = [...page.matchAll(/<tr><th scope="row">[\s\S]*?<\/tr>/g)].map(([row]) =>
    row.replace(/<[^>]+>/g, "|").replace(/\s*\|+\s*/g, "|"),
  );
  expect(rows[0]).toBe("|from scratch|55.0 ± 7.1 %|42.0 ± 2.8 %|–|–|2|");
  expect(rows[1]).toBe("|&lt;b&gt;SiT&lt;/b&gt;|–|70.0 %|1 min 15 s|432|1|");
});

test("a comparison's plot by itself is an SVG file with its colours", async () => {
  const svg = await renderComparison(FULL.comparison as ReportComparison);
  expect(svg).toMatch(/^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(svg.match(/<svg/g)).toHaveLength(1);
  const used = [...svg.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name as string);
  for (const name of used) expect(svg).toContain(`${name}:`);
  await expect(
    renderComparison({
      seeds: [0],
      rows: [{ name: "a", runs: 1, accuracy: [{ labels: 1, values: [40], mean: 40, deviation: 0 }] }],
    }),
  ).rejects.toThrow("comparison.rows[0].accuracy[0].values[0]: expected a fraction");
});

test("nothing is loaded from elsewhere and no script runs", async () => {
  const page = await renderReport(FULL);
  for (const element of elements(page)) {
    expect(["script", "link", "iframe", "object"]).not.toContain(element.tagName);
    for (const { name, value } of element.attrs) {
      if (name === "src") expect(value).toMatch(/^data:image\/png;base64,/);
      if (name === "href") expect(value).toMatch(/^(#[a-z-]+|https:\/\/arxiv\.org\/abs\/[\d.]+)$/);
      expect(name).not.toMatch(/^on/);
    }
  }
  expect(page).not.toMatch(/@import|url\(/);
});

test("every number given can be read", async () => {
  const page = words(await renderReport(FULL));
  const expected = [
    ..."2026-05-01 14:03|npm run demo -- --seed 7|This ran on a portable engine.|2.21.0|FusedGelu".split("|"),
    ..."21,000|10,000|1,003|9,997|312 steps|9 min 03 s|552.4|541.3|563.7".split("|"),
    ..."0.8125|0.4375|1.734|1.211|0.00031|0.00007|32.0 %|60.2 %|+28.2 points".split("|"),
    ..."71.2 %|28.2 %|88.1 %|1,234|28.6 %".split("|"),
    ..."74.1 %|73.2 %|−0.9 points|54.1 %|67.2 %|20 nearest|0.625|47.3 %".split("|"),
    ..."1 min 39 s|1,432.6 MB|64|[2,9]|dropPath.rate|0.15|two cores|20.20.2|t-SNE, 3 images".split("|"),
    ..."71.3 %|98.8 %|90 epochs, lars, learning rate 0.05|token, last 4 blocks|69.4 %".split("|"),
    ..."nearest class mean – 55.0 ± 63.5 %|logistic regression 30.0 ± 0.0 % –".split("|"),
  ];
  for (const text of expected) expect(page).toContain(text);
});

test("a row of pictures gives four images, the mask in black and white", async () => {
  const images = elements(await renderReport(FULL)).filter((element) => element.tagName === "img");
  const alts = images.map((image) => attribute(image, "alt"));
  expect(alts.filter((alt) => !alt?.includes("taken for"))).toEqual([
    "clean, cat",
    "corrupted, cat",
    "mask, cat",
    "reconstruction, cat",
  ]);
});

test("where a classifier errs: a square of counts, each class, each worst mistake with its picture", async () => {
  const page = await renderReport(FULL);
  const [square] = elements(page).flatMap((element) => {
    const description = element.tagName === "svg" ? attribute(element, "aria-label") : undefined;
    return description?.startsWith("Confusion matrix") ? [{ element, description }] : [];
  });
  expect(square?.description).toBe(
    "Confusion matrix of 100 images: 87 right. Most confused: cat taken for dog 9 times; dog taken for cat 4 times",
  );
  const read = words(page);
  for (const text of [
    "87.0 % of 100 images right",
    "cat 77.5 %, dog 93.3 %",
    "cat dog 98.7 %",
    "dog cat 75.0 %",
  ])
    expect(`${read} ${page}`).toContain(text);
  const shown = elements(page).filter((element) => attribute(element, "alt")?.includes("taken for"));
  expect(shown.map((element) => attribute(element, "alt"))).toEqual([
    "cat taken for dog",
    "dog taken for cat",
  ]);
});

test("of many classes the page tells the worst and what is confused, without a square too fine to see", async () => {
  const classes = 200;
  const confusion = Array.from({ length: classes }, (_, label) =>
    Array.from({ length: classes }, (_, taken) => (taken === label ? label : taken === 0 ? 1 : 0)),
  );
  const page = await renderReport({ mistakes: [{ title: "many", confusion }] });
  expect(page).not.toContain("Confusion matrix");
  expect(page).toContain("The 20 classes of lowest accuracy");
  expect(words(page)).toContain("class 1 class 0 1");
});

test.each<[string, ReportData, RegExp]>([
  [
    "no square",
    { mistakes: [{ title: "m", confusion: [[1, 2]] }] },
    /confusion\[0\]: expected 1 counts.*got 2/,
  ],
  [
    "a class that is none",
    { mistakes: [{ title: "m", confusion: [[1]], worst: [{ ...mistake, label: -1 }] }] },
    /worst\[0\]\.label: expected a class index/,
  ],
  [
    "a percentage of confidence",
    { mistakes: [{ title: "m", confusion: [[1]], worst: [{ ...mistake, probability: 98 }] }] },
    /worst\[0\]\.probability: expected a fraction/,
  ],
])("mistakes that do not fit are refused: %s", async (_name, data, message) => {
  await expect(renderReport(data)).rejects.toThrow(message);
});

test("the page forbids the browser to load anything or to run scripts", async () => {
  const policies = elements(await renderReport(FULL)).filter(
    (element) => attribute(element, "http-equiv") === "Content-Security-Policy",
  );
  expect(policies.map((element) => attribute(element, "content"))).toEqual([
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
  ]);
});

/** A report in which all text that can come from outside (file and class names, options, errors) is `text`. */
const reportOf = (text: string): ReportData => ({
  ...FULL,
  title: text,
  date: text,
  command: text,
  warnings: [text],
  dataset: { name: text, images: 2, classes: [text, text] },
  engine: { name: text, backend: text, device: text, tensorflow: text, kernels: [text] },
  reconstructions: FULL.reconstructions?.map((grid) => ({
    title: text,
    caption: text,
    rows: grid.rows.map((row) => ({ ...row, label: text })),
  })),
  embeddings: FULL.embeddings?.map((plot) => ({ ...plot, title: text, caption: text })),
  linear: FULL.linear && { ...FULL.linear, optimizer: text, features: text },
  fewShot: FULL.fewShot?.map((row) => ({ ...row, name: text })),
  mistakes: [
    {
      title: text,
      confusion: [
        [1, 1],
        [1, 1],
      ],
      worst: [{ ...mistake, image: text }],
    },
  ],
  multiLabel: { classes: [{ name: text, averagePrecision: 0.5, positives: 1, counted: 2 }] },
  timings: [{ name: text, seconds: 1 }],
  settings: { [text]: { [text]: text, list: [text] }, one: text },
  machine: { [text]: text },
  versions: { [text]: text },
});

test.each([
  `<script>alert("1")</script>&'`,
  `" onload="alert(1)" x="`,
  `' onerror='alert(1)`,
  "</style></title></svg></text><img src=x onerror=alert(1)>",
  "<!--",
  "-->]]><![CDATA[",
  "&lt;b&gt;&#60;i&#62;",
  "$& $' $` $1",
  "a\nb\r\n\tc",
  "\u2028\u202e",
])("text from outside stays text: %j", async (text) => {
  // A blank in place of what is no letter: the number of words decides how labels are wrapped in a plot.
  const plain = reportOf(text.replace(/[^\s]/g, "x"));
  const shape = (page: string) =>
    elements(page).map((element) => [element.tagName, ...element.attrs.map(({ name }) => name)].join(" "));
  const page = await renderReport(reportOf(text));
  expect(shape(page)).toEqual(shape(await renderReport(plain)));
});

test("class names are in the plots as they are", async () => {
  const name = `<b> "it's" & more`;
  const drawn = elements(await renderReport(reportOf(name))).flatMap((element) =>
    element.tagName === "text" ? element.childNodes.map((node) => ("value" in node ? node.value : "")) : [],
  );
  expect(drawn).toContain(name);
});

test.each<[string, ReportData, string[]]>([
  ["nothing", {}, []],
  ["pretraining only", { pretrain: FULL.pretrain, knn: FULL.knn }, ["knn", "pretraining"]],
  ["fine-tuning only", { accuracy: [{ labels: 100, pretrained: 0.6 }] }, ["accuracy"]],
  [
    "empty lists",
    { accuracy: [], knn: {}, embeddings: [], reconstructions: [], timings: [], settings: {} },
    [],
  ],
])("sections without data are left out: %s", async (_name, data, expected) => {
  const page = await renderReport(data);
  expect(titles(page)).toEqual(expected);
  expect(page).not.toMatch(/undefined|NaN/);
});

test("a loss that was lost, and one that never moves, still give a page", async () => {
  const history = [
    { epoch: 1, parts: { reconstruction: Number.NaN, contrast: 0.5 } },
    { epoch: 2, parts: { reconstruction: null, contrast: 0.5 } },
    { epoch: 3, parts: { reconstruction: 0.25, contrast: 0.5 } },
  ];
  const page = await renderReport({
    pretrain: { epochs: 3, steps: 3, seconds: 1, imagesPerSecond: 1, history },
  });
  for (const element of elements(page)) {
    for (const { value } of element.attrs) expect(value).not.toMatch(/NaN|Infinity/);
  }
});

test.each<[string, ReportData, RegExp]>([
  [
    "a percentage",
    { accuracy: [{ labels: 100, scratch: 32 }] },
    /accuracy\[0\]\.scratch: expected a fraction/,
  ],
  [
    "average precision",
    { multiLabel: { classes: [{ name: "a", averagePrecision: 61, positives: 1, counted: 2 }] } },
    /multiLabel\.classes\[0\]\.averagePrecision/,
  ],
  ["k-NN", { knn: { after: -0.1 } }, /knn\.after/],
  ["a class name", { embeddings: [{ title: "a", points: [[0, 0, 0.5]] }] }, /embeddings\[0\]\.points.*class/],
  ["no place", { embeddings: [{ title: "a", points: [[0, Number.NaN, 0]] }] }, /finite/],
])("a mistake in the data is named: %s", async (_name, data, message) => {
  await expect(renderReport(data)).rejects.toThrow(message);
});

test.each<[string, object, RegExp]>([
  ["a list", [], /^report: expected an object, got \[\]/],
  ["no name", { engine: {} }, /^engine\.name: expected a text, got undefined/],
  [
    "text for a number",
    { pretrain: { ...FULL.pretrain, seconds: "1" } },
    /^pretrain\.seconds: expected a finite number/,
  ],
  ["no list", { warnings: "slow" }, /^warnings: expected a list, got "slow"/],
  [
    "null for a fraction",
    { accuracy: [{ labels: 1, scratch: null }] },
    /^accuracy\[0\]\.scratch: expected a fraction/,
  ],
  [
    "a place of one number",
    { embeddings: [{ title: "e", points: [[1]] }] },
    /^embeddings\[0\]\.points\[0\]: expected a list of 3/,
  ],
  [
    "another start",
    { finetune: [{ labels: 1, start: "x", history: [] }] },
    /one of scratch, pretrained, got "x"/,
  ],
  [
    "pixels that are only promised",
    {
      reconstructions: [
        { title: "r", rows: [{ clean: { width: 1e5, height: 1e4, channels: 1, data: { length: 1e9 } } }] },
      ],
    },
    /rows\[0\]\.clean\.data: expected a list of values/,
  ],
  [
    "settings too deep",
    { settings: { a: JSON.parse("[".repeat(50) + "]".repeat(50)) } },
    /expected fewer values inside/,
  ],
])("data that are not a report's are refused by their field: %s", async (_name, data, message) => {
  await expect(renderReport(data as ReportData)).rejects.toThrow(message);
  await expect(renderReport(data as ReportData)).rejects.toMatchObject({ code: "bad-option" });
});

test("images that were left out are listed with their reasons, whatever they are called", async () => {
  const leftOut = [
    { part: "training", path: "a<b>\n\u001b[31m.jpg", reason: "an empty file" },
    ...Array.from({ length: 300 }, (_, i) => ({ path: `${i}.png`, reason: "the file ends too early" })),
  ];
  const page = await renderReport({ leftOut });
  expect(titles(page)).toEqual(["left-out"]);
  expect(words(page)).toContain(
    "The run went on without 301 images that could not be read. The first 200 of them:",
  );
  expect(words(page)).toContain("a&lt;b&gt;\\n\\u{1b}[31m.jpg (training) an empty file");
  expect(words(page)).toContain(" 198.png the file ends too early");
  expect(words(page)).not.toContain(" 199.png");
  expect(await renderReport({ leftOut: [] })).not.toContain("Images left out");
});

test("shows what was looked at while it learned, with pictures in the order given", async () => {
  const png = encodePng(picture(3, 1));
  const look = { deviation: 0.4, effectiveRank: 8 };
  const page = await renderReport({
    watching: {
      looks: [
        { epoch: 0, knn: 0.3, ...look },
        { epoch: 1, knn: 0.5, ...look },
      ],
      pictures: [
        { epoch: 2, png },
        { epoch: 4, png },
      ],
    },
  });
  expect(titles(page)).toEqual(["watching"]);
  expect(words(page)).toMatch(/k-NN on training images.*Effective rank.*After epoch 2.*After epoch 4/);
  const images = elements(page).filter(({ tagName }) => tagName === "img");
  expect(images.map((image) => attribute(image, "src"))).toEqual([pngFileUrl(png), pngFileUrl(png)]);
  const unlabelled = await renderReport({ watching: { looks: [{ epoch: 0, ...look }] } });
  expect(words(unlabelled)).not.toContain("k-NN on training images");
  await expect(
    renderReport({ watching: { pictures: [{ epoch: 1, png: Uint8Array.of(1, 2) }] } }),
  ).rejects.toThrow("watching.pictures[0].png: expected the bytes of a PNG file");
});
