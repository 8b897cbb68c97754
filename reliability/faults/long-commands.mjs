// The commands of many parts (`sit ablate`, `compare`, `demo`, `multilabel`): whatever stops them, begun again they come to
// what they would have come to.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { commands, contentOf, earlier, ended, nothingHalf, refused } from "../lib/commands.mjs";
import { expect } from "../lib/expect-run.mjs";
import { fill, smallDisk } from "../lib/small-disk.mjs";
import { timeless } from "../lib/timeless.mjs";

const noDisk = { skipped: "this user may not mount a file system" };

/** Room for a checkpoint or two, not for all of it. */
const kilobytes = { ablate: 200, compare: 200, demo: 300, multilabel: 150 };
/** Room for all of it, in mount's words. */
const ENOUGH = "size=8m";

/** What each says in the middle of its work, when some of it is saved. */
const middle = {
  ablate: /"event":"stage","stage":"alpha\/5[^"]*pretraining"/,
  compare: /"event":"progress","stage":"[^"]*pretraining".*"done":([4-9]|1\d),/,
  demo: /"event":"stage","stage":"From scratch/,
  multilabel: /"event":"progress".*"done":([4-9]|1\d),/,
};
/** What is done to it comes well before its end. */
const slowly = { nodeArgs: ["--import", new URL("../../fixtures/slow-motion.mjs", import.meta.url).href] };

/** @type {import("../faults.mjs").Fault[]} */
export const longCommandFaults = [
  ...Object.entries(kilobytes).map(([name, size]) => ({
    name: `\`sit ${name}\` on a disk that gets full, and with room again`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const disk = smallDisk(join(setup.scratch, "disk"), size);
      if (disk === undefined) return noDisk;
      try {
        const out = join(setup.scratch, "disk", "out");
        const said = refused(await run(args(name, out)), 1, /disk\/out.*cannot be written \(ENOSPC/);
        disk.remount(ENOUGH);
        await goesOn(setup, name, out);
        return { said };
      } finally {
        disk.close();
      }
    },
  })),
  ...Object.entries({ ablate: "SIGTERM", compare: "SIGINT", demo: "SIGTERM", multilabel: "SIGINT" }).map(
    ([name, signal]) => ({
      name: `\`sit ${name}\` stopped by ${signal}, and gone on with`,
      async run(setup) {
        const { args, run } = await commands(setup);
        const out = join(setup.scratch, "out");
        const onStage = (child) => child.kill(/** @type {NodeJS.Signals} */ (signal));
        const end = await run(args(name, out), { ...slowly, stage: middle[name], onStage });
        const said = refused(
          end,
          signal === "SIGINT" ? 130 : 143,
          new RegExp(`^sit: stopped by ${signal}; (saved after step|what is done stays|\\d of \\d)`),
        );
        expect(/\n {2}Go on with: sit /.test(end.stderr), "the command to go on with", end.stderr);
        await goesOn(setup, name, out);
        return { said };
      },
    }),
  ),
  ...["ablate", "demo", "multilabel"].map((name) => ({
    name: `\`sit ${name}\` whose output folder is taken away under it`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const onStage = () => {
        for (const folder of [out, `${out}.unfinished`]) {
          rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
        }
      };
      const end = await run(args(name, out), { ...slowly, stage: middle[name], onStage });
      const said = refused(
        end,
        1,
        /out.*(expected the (folder of the run|file that the run)|cannot be (made|written))/,
      );
      await goesOn(setup, name, out);
      return { said };
    },
  })),
  ...["ablate", "demo"].map((name) => ({
    name: `two \`sit ${name}\` to the same folder at once`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const ends = await Promise.all([0, 1].map(() => run(args(name, out))));
      const [first, second] = ends.sort((a, b) => (a.code ?? 1) - (b.code ?? 1));
      quiet(first);
      const said = refused(second, 2, /expected a folder that no run is using/);
      await isUndisturbed(setup, name, out);
      return { said };
    },
  })),
  ...["full", "read-only"].map((how) => ({
    name: `\`sit report\` on a disk that is ${how}`,
    async run(setup) {
      const { run } = await commands(setup);
      const disk = smallDisk(join(setup.scratch, "disk"), 2000);
      if (disk === undefined) return noDisk;
      try {
        const out = join(setup.scratch, "disk", "out");
        const before = await earlier(setup, "knn", out);
        if (how === "full") fill(join(setup.scratch, "disk", "other.bin"));
        else disk.remount("ro");
        const said = refused(
          await run(["report", out]),
          1,
          /disk\/out\/report\.html: cannot be written \((ENOSPC|EROFS)/,
        );
        expect(contentOf(out) === before, "the earlier report", contentOf(out));
        return { said };
      } finally {
        disk.close();
      }
    },
  })),
  ...["data get", "engine install"].map((name) => ({
    name: `\`sit ${name}\` on a disk that is read-only, and on one that is too small`,
    async run(setup) {
      const { run } = await commands(setup);
      const folder = join(setup.scratch, "disk");
      const disk = smallDisk(folder, 200);
      if (disk === undefined) return noDisk;
      const [args, env] =
        name === "data get"
          ? [["data", "get", "mnist", "--to", join(folder, "mnist")], {}]
          : [["engine", "install"], { SITJS_CACHE: folder }];
      try {
        disk.remount("ro");
        const said = refused(await run(args, { env }), 1, /disk.* cannot be (written|made) .*EROFS/);
        disk.remount("rw");
        refused(await run(args, { env }), 1, /disk.*: expected .* of free (space|disk)/);
        return { said };
      } finally {
        disk.close();
      }
    },
  })),
];

/** Begun again, the command comes to the undisturbed one's results, and leaves nothing half. */
async function goesOn(setup, name, out) {
  const { args, run } = await commands(setup);
  const resumes =
    existsSync(join(`${out}.unfinished`, "parts.partial")) || existsSync(join(out, "checkpoints"));
  quiet(await run(resumes ? [name, "--resume", "--out", out] : args(name, out)));
  await isUndisturbed(setup, name, out);
}

async function isUndisturbed(setup, name, out) {
  const { args, run, at } = await commands(setup);
  const kept = at(`undisturbed-${name}`);
  if (!existsSync(kept)) quiet(await run(args(name, kept)));
  expect(isDeepStrictEqual(outcome(name, out), outcome(name, kept)), "the undisturbed results", "others");
  nothingHalf(out);
  expect(!existsSync(`${out}.unfinished`), "no folder of work under way", "one");
}

/** What the command has come to, without times. */
function outcome(name, out) {
  const read = (file) => timeless(JSON.parse(readFileSync(join(out, file), "utf8")));
  const trials = { ablate: "ablate.json", compare: "compare.json" }[name];
  return trials ? read(trials).trials.map(({ result }) => result) : read("summary.json");
}

/** It has come to its end; a portable engine may say that it is one. */
function quiet(end) {
  ended({ ...end, stderr: end.stderr.replace(/^Warning: The portable engine .*\n/gm, "") });
}
