// The commands beside `sit pretrain` that read and write, on tiny networks and images: started, and looked at.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cli } from "../../scripts/lib/prepare.mjs";
import { startChild } from "./child.mjs";
import { expect } from "./expect-run.mjs";
import { writeImages } from "./images.mjs";
import { argsOf } from "./runs.mjs";

/** Seconds after which a command counts as hanging. */
const WATCHDOG = 60;

const network = {
  "image-size": 16,
  "patch-size": 8,
  width: 16,
  depth: 1,
  heads: 2,
  channels: 3,
  "reconstruction-hidden": 16,
  "projection-hidden": 16,
  "projection-output": 8,
};
const plain = ["--engine", "wasm", "--workers", "0"];

/** What is made once for all cases: images in classes, a pretrained run, a fine-tuned one, a pretrained folder. */
async function prepared({ scratch }) {
  const base = join(scratch, "..", "commands");
  const at = (name) => join(base, name);
  if (existsSync(at("exported"))) return at;
  await writeImages(at("photos/train"), 60, { classes: true });
  await writeImages(at("photos/test"), 30, { classes: true });
  await writeImages(at("many"), 1200);
  writeLabels(at);
  writeFileSync(at("grid.mjs"), grid);
  const options = argsOf(network);
  const small = ["--epochs", "1", "--batch-size", "16"];
  const data = ["--data", at("photos"), ...plain];
  for (const args of [
    ["pretrain", ...data, ...options, ...small, "--out", at("run")],
    ["finetune", "--checkpoint", at("run"), ...data, ...small, "--out", at("tuned")],
    ["embed", "--checkpoint", at("run"), ...data, "--out", at("embeddings")],
    ["export", at("run"), "--to", at("exported")],
  ]) {
    const end = await startChild(cli, [...args, "--json"], { timeout: WATCHDOG }).ended;
    expect(end.code === 0, `sit ${args[0]} to end`, `${end.signal ?? end.code}: ${end.stderr}`);
  }
  return at;
}

/** For each image its class, and for every other one a second class. */
function writeLabels(at) {
  for (const part of ["train", "test"]) {
    const names = readdirSync(at(`photos/${part}`), { recursive: true }).map(String);
    const rows = names
      .filter((name) => name.endsWith(".png"))
      .sort()
      .map((name, i) => `${part}/${name},${dirname(name)}${i % 2 === 0 ? "|even" : ""}\n`);
    writeFileSync(at(`${part}.csv`), `file,labels\n${rows.join("")}`);
  }
}

/** Two variants with one seed. */
const grid = `export default {
  title: "Under faults", seeds: [0], labelsPerClass: [2], bankImages: 32,
  axes: [
    {
      name: "alpha", title: "Alpha",
      variants: [{ name: "1" }, { name: "5", settings: { alpha: 5 } }],
    },
  ],
};
`;

/**
 * The arguments of commands by their names; `out` is what `--out` names, `at` tells the places of what they read.
 *
 * @type {Record<string, (at: (name: string) => string, out: string) => string[]>}
 */
const argumentsOf = {
  linear: (at, out) => judged(at, "linear", out, "--epochs", "2", "--learning-rates", "0.1"),
  knn: (at, out) => judged(at, "knn", out),
  fewshot: (at, out) => judged(at, "fewshot", out, "--shots", "2", "--draws", "2"),
  finetune: (at, out) => judged(at, "finetune", out, "--epochs", "2000", "--batch-size", "16"),
  "embed to NumPy files": (at, out) => judged(at, "embed", join(out, "x.npy")),
  "embed to a folder": (at, out) => judged(at, "embed", join(out, "x")),
  "embed to Parquet": (at, out) => judged(at, "embed", join(out, "x.parquet")),
  project: (at, out) => ["project", "--embeddings", at("embeddings"), "--out", join(out, "x.svg")],
  export: (at, out) => ["export", at("run"), "--to", join(out, "x")],
  import: (at, out) => ["import", at("exported"), "--out", join(out, "x")],
  onnx: (at, out) => ["onnx", at("run"), "--out", join(out, "x")],
  reconstruct: (at, out) => judged(at, "reconstruct", join(out, "x.png")),
  ablate: (at, out) =>
    trained(at, ["ablate", at("grid.mjs")], out, { preset: "compare-color", ...compared, ...tuned }),
  compare: (at, out) =>
    trained(at, ["compare"], out, {
      ...{ preset: "compare-color", methods: "scratch,sit", seeds: 0 },
      ...compared,
      ...tuned,
    }),
  demo: (at, out) => trained(at, ["demo"], out, { ...network, ...tuned }),
  multilabel: (at, out) =>
    trained(at, ["multilabel", "--from-scratch"], out, {
      ...{ labels: at("train.csv"), "test-labels": at("test.csv") },
      ...{ "image-size": 16, "patch-size": 8, width: 16, depth: 1, heads: 2, channels: 3 },
    }),
  "data show": (at, out) => [
    ...["data", "show", at("photos"), "--out", join(out, "x.png"), "--image-size", "16"],
    ...plain,
  ],
};

const { "reconstruction-hidden": _, ...compared } = network;

/** Four epochs of four steps, each saved in its middle too, and a few steps of fine-tuning. */
const trained = (at, command, out, options) => [
  ...[...command, "--data", at("photos"), "--out", out, "--epochs", "4", "--batch-size", "16"],
  ...["--checkpoint-steps", "2", ...plain, ...argsOf(options)],
];

const tuned = { "labels-per-class": 2, "finetune-steps": 4, "finetune-batch-size": 8 };

const judged = (at, command, out, ...more) => [
  ...[command, "--checkpoint", at("run"), "--data", at("photos"), "--out", out],
  ...plain,
  ...more,
];

/**
 * What a case starts commands with.
 *
 * @param {import("./expect-run.mjs").Setup} setup
 */
export async function commands(setup) {
  const at = await prepared(setup);
  return {
    at,
    /** @param {keyof typeof argumentsOf} name @param {string} out @param {...string} more */
    args: (name, out, ...more) => [.../** @type {any} */ (argumentsOf[name])(at, out), ...more],
    /**
     * @param {string[]} args
     * @param {Partial<Parameters<typeof startChild>[2]> & { onStart?: (child: ReturnType<typeof startChild>) => void,
     *   onStage?: (child: ReturnType<typeof startChild>) => void, stage?: RegExp }} [how] `onStage` is told once that the
     *   work has begun, or that a line like `stage` was said
     */
    async run(args, { onStart, onStage, stage = /"event":"(stage|progress)"/, ...how } = {}) {
      let told = false;
      const onLine = (line) => {
        if (told || !stage.test(line)) return;
        told = true;
        onStage?.(child);
      };
      const child = startChild(cli, [...args, "--json"], { timeout: WATCHDOG, onLine, ...how });
      onStart?.(child);
      const end = await child.ended;
      expect(!end.timedOut, `an end within ${WATCHDOG} s`, "none: the watchdog ended it");
      expect(end.orphans.length === 0, "no process left behind", `${end.orphans.length}`);
      return end;
    },
  };
}

/** A command's outcome as an earlier time has left it in `out`, made once and copied. */
export async function earlier(setup, name, out) {
  const { args, run, at } = await commands(setup);
  const kept = at(`earlier-${name.replaceAll(" ", "-")}`);
  if (!existsSync(kept)) ended(await run(args(name, kept)));
  await cp(kept, out, { recursive: true });
  return contentOf(out);
}

/** The command has come to its end and said nothing. */
export function ended(end) {
  expect(end.code === 0, "exit code 0", `${end.signal ?? end.code}: ${end.stderr}`);
  expect(end.stderr === "", "nothing on the standard error stream", end.stderr);
}

/** The command has said one thing, and perhaps what to do: returns that. */
export function refused(end, code, pattern) {
  const said = end.stderr.trim();
  expect(end.code === code, `exit code ${code}`, `${end.signal ?? end.code}: ${said}`);
  const [line = "", mend = "  ", ...more] = said.split("\n");
  expect(more.length === 0 && mend.startsWith("  ") && !/^ +at /.test(mend), "one message", said);
  expect(
    /^sit: /.test(line) && !/unexpected error/.test(line) && pattern.test(line),
    `one like ${pattern}`,
    said,
  );
  expect(!/"event":"result"/.test(end.stdout), "no result", end.stdout);
  return line;
}

/** All files in a folder with their sums, as one text: equal where nothing has changed. */
export function contentOf(folder) {
  const names = readdirSync(folder, { recursive: true }).map(String).sort();
  return names
    .map((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return name;
      return `${name} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
    })
    .join("\n");
}

/** Nothing is left that a process makes on its way. */
export function nothingHalf(folder) {
  const left = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.(partial|old|lock)$/.test(name));
  expect(left.length === 0, "nothing half written", left.join(", "));
}

/** Does something as soon as a command writes beside its place in `out`, once. */
export function whenWriting(out, child, act) {
  const watcher = watch(out, (_, name) => {
    if (!String(name).endsWith(".partial")) return;
    watcher.close();
    act();
  });
  void child.ended.then(() => watcher.close());
}
