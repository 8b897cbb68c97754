// The commands beside `sit pretrain` that write: disks, places that are taken, damaged input, several at once.
import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commands, contentOf, earlier, ended, nothingHalf, refused, whenWriting } from "../lib/commands.mjs";
import { expect } from "../lib/expect-run.mjs";
import { fill, smallDisk } from "../lib/small-disk.mjs";

const noDisk = { skipped: "this user may not mount a file system" };
/** Room for what a command has written before and, where that is small, again; the rest is filled. */
const KILOBYTES = 1000;

const onFullDisk = [
  "linear",
  "knn",
  "fewshot",
  "embed to NumPy files",
  "embed to a folder",
  "embed to Parquet",
  "project",
  "export",
  "import",
  "onnx",
  "reconstruct",
  "data show",
];

/** Things that have a command's place: what is made there, and what the command says. */
const taken = {
  "a file where a folder goes": {
    name: "embed to a folder",
    make: (out) => writeFileSync(join(out, "x"), "precious"),
    says: /--out .*x: expected .*got a file/,
  },
  "a folder where a file goes": {
    name: "embed to NumPy files",
    make: (out) => mkdirSync(join(out, "x.npy")),
    says: /--out .*x\.npy: expected .*got a folder/,
  },
  "another table": {
    name: "embed to Parquet",
    make: (out) => writeFileSync(join(out, "x.parquet"), "precious"),
    says: /--out .*x\.parquet: expected .*got a file of something else/,
  },
  "another file where the points go": {
    name: "project",
    make: (out) => writeFileSync(join(out, "x.json"), '{"mine":1}'),
    says: /--out .*x\.svg: expected .*got something else there/,
  },
  "a folder of something else, for a pretrained one": {
    name: "export",
    make: (out, at) => cpSync(at("photos/test"), join(out, "x"), { recursive: true }),
    says: /--to: expected .*got a folder with other files/,
  },
  "a folder of something else, for ONNX": {
    name: "onnx",
    make: (out, at) => cpSync(at("photos/test"), join(out, "x"), { recursive: true }),
    says: /x: expected .*got one with/,
  },
  "a run with checkpoints": {
    name: "linear",
    make: (out, at) => cpSync(at("tuned"), out, { recursive: true }),
    says: /--out .*: expected .*got that of a run with checkpoints/,
  },
};

/** Input that is damaged: which, how, and what the command says. */
const damaged = {
  "a number that is none in a file of weights": {
    of: "exported",
    damage: (path) => changeWeights(join(path, "model.safetensors")),
    args: (path, at, out) => [
      ...["linear", "--checkpoint", path, "--data", at("photos"), "--out", out, "--epochs", "2"],
      ...["--engine", "wasm", "--workers", "0"],
    ],
    says: /model\.safetensors: .*expected finite numbers, got NaN/,
  },
  "a file of weights that is cut off": {
    of: "exported",
    damage: (path) => truncateSync(join(path, "model.safetensors"), 5000),
    args: (path, _, out) => ["import", path, "--out", join(out, "x")],
    says: /model\.safetensors: .*expected data up to/,
  },
  "a number that is none among embeddings": {
    of: "embeddings",
    damage: (path) => changeBytes(join(path, "embeddings.npy"), 128 + 4 * 21, [0, 0, 0xc0, 0x7f]),
    args: (path, _, out) => ["project", "--embeddings", path, "--out", join(out, "x.svg")],
    says: /embeddings\.npy: expected finite numbers, got NaN in the vector of .*\.png/,
  },
  "embeddings that are cut off": {
    of: "embeddings",
    damage: (path) => truncateSync(join(path, "embeddings.npy"), 700),
    args: (path, _, out) => ["project", "--embeddings", path, "--out", join(out, "x.svg")],
    says: /embeddings\.npy: expected a NumPy file/,
  },
  "a report's data that is cut off": {
    of: "tuned",
    damage: (path) => truncateSync(join(path, "report.json"), 500),
    args: (path) => ["report", path],
    says: /report\.json: expected/,
  },
};

/** @type {import("../faults.mjs").Fault[]} */
export const commandFaults = [
  ...onFullDisk.map((name) => ({
    name: `\`sit ${name}\` over an earlier result on a disk that is full`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "disk");
      const disk = smallDisk(out, KILOBYTES);
      if (disk === undefined) return noDisk;
      try {
        const results = join(out, "results");
        const before = await earlier(setup, name, results);
        fill(join(out, "other.bin"));
        const said = refused(await run(args(name, results)), 1, /disk\/results.*cannot be written \(ENOSPC/);
        expect(contentOf(results) === before, "the earlier result", contentOf(results));
        return { said };
      } finally {
        disk.close();
      }
    },
  })),
  ...["linear", "import", "data show"].map((name) => ({
    name: `\`sit ${name}\` on a disk that is read-only`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "disk");
      const disk = smallDisk(out, KILOBYTES);
      if (disk === undefined) return noDisk;
      try {
        disk.remount("ro");
        const said = refused(
          await run(args(name, join(out, "results"))),
          1,
          /disk\/results.* cannot be .*EROFS/,
        );
        return { said };
      } finally {
        disk.close();
      }
    },
  })),
  ...Object.entries(taken).map(([what, { name, make, says }]) => ({
    name: `\`sit ${name}\` where its place has ${what}`,
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      mkdirSync(out);
      make(out, at);
      const before = contentOf(out);
      const said = refused(await run(args(name, out)), 2, says);
      expect(contentOf(out) === before, "what was there", contentOf(out));
      return { said };
    },
  })),
  ...Object.entries(damaged).map(([what, { of, damage, args, says }]) => ({
    name: what,
    async run(setup) {
      const { at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const input = join(setup.scratch, "input");
      mkdirSync(out);
      cpSync(at(of), input, { recursive: true });
      damage(input);
      const before = contentOf(input);
      const said = refused(await run(args(input, at, out)), 2, says);
      expect(contentOf(out) === "", "nothing written", contentOf(out));
      expect(contentOf(input) === before, "the input as it was", contentOf(input));
      return { said };
    },
  })),
  {
    name: "`sit embed` whose output folder is taken away under it",
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      mkdirSync(out);
      const onStart = (child) =>
        whenWriting(out, child, () => rmSync(out, { recursive: true, force: true, maxRetries: 20 }));
      const many = [...args("embed to NumPy files", out), "--data", at("many")];
      const said = refused(await run(many, { onStart }), 1, /out\/x\.npy: cannot be written/);
      return { said };
    },
  },
  {
    name: "commands with few file handles",
    async run(setup) {
      if (process.platform === "win32") return { skipped: "no limit of handles to set" };
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      mkdirSync(out);
      const messages = [];
      for (const handles of [30, 34, 38, 42]) {
        const prefix = ["sh", "-c", `ulimit -n ${handles}; exec "$@"`, "sh"];
        const end = await run(args("linear", out), { prefix });
        if (end.code === 0) ended(end);
        else messages.push(refused(end, 1, /EMFILE|too many open files/));
        nothingHalf(out);
      }
      expect(messages.length > 0, "too few handles once", "enough always");
      return { said: messages[0] };
    },
  },
  {
    name: "two `sit embed` to the same NumPy files at once",
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      mkdirSync(out);
      const both = ["20", "30"].map((images) =>
        run([...args("embed to NumPy files", out), "--images", images]),
      );
      for (const end of await Promise.all(both)) ended(end);
      nothingHalf(out);
      const count = JSON.parse(readFileSync(join(out, "x.json"), "utf8")).images.length;
      const project = ["project", "--method", "umap", "--neighbours", "5", "--out", join(out, "p.svg")];
      ended(await run([...project, "--embeddings", join(out, "x.npy")]));
      const points = JSON.parse(readFileSync(join(out, "p.json"), "utf8")).points.length;
      expect(
        points === count && [20, 30].includes(count),
        "the embeddings of one of them",
        `${points}, ${count}`,
      );
      expect(contentOf(at("embeddings")) !== "", "the input", "none");
      return { said: "both end; the files are those of one of them" };
    },
  },
  {
    name: "two `sit linear` to the same folder at once",
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const ends = await Promise.all([0, 1].map(() => run(args("linear", out))));
      for (const end of ends) {
        if (end.code === 0) ended(end);
        else refused(end, 2, /expected a folder that no run is using/);
      }
      expect(
        ends.some(({ code }) => code === 0),
        "one of them to end",
        "none",
      );
      nothingHalf(out);
      return { said: "both end one after the other, or one is refused" };
    },
  },
];

function changeBytes(path, offset, bytes) {
  const content = readFileSync(path);
  Buffer.from(bytes).copy(content, offset);
  writeFileSync(path, content);
}

/** NaN as the first number of the first tensor. */
function changeWeights(path) {
  const content = readFileSync(path);
  changeBytes(path, 8 + Number(content.readBigUInt64LE(0)), [0, 0, 0xc0, 0x7f]);
}
