// The commands beside `sit pretrain`, stopped or killed while they work, and begun again.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { commands, contentOf, earlier, ended, nothingHalf, refused, whenWriting } from "../lib/commands.mjs";
import { expect } from "../lib/expect-run.mjs";

/** Longer than the time within which two signals count as one, in milliseconds. */
const APART = 600;

/** Work that is slow enough to be stopped: more images, more steps. */
const slow = {
  linear: () => ["--epochs", "100000"],
  "embed to NumPy files": (at) => ["--data", at("many")],
  "embed to Parquet": (at) => ["--data", at("many")],
  "embed to a folder": (at) => ["--data", at("many")],
  fewshot: () => ["--draws", "100000"],
  project: () => [],
};

const stops = [
  ["linear", "SIGTERM"],
  ["embed to NumPy files", "SIGINT"],
  ["embed to Parquet", "SIGTERM"],
  ["fewshot", "SIGINT"],
];

/** @type {import("../faults.mjs").Fault[]} */
export const stoppedCommandFaults = [
  ...stops.map(([name = "", signal = ""]) => ({
    name: `\`sit ${name}\` over an earlier result, stopped by ${signal}`,
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const before = await earlier(setup, name, out);
      const end = await run(args(name, out, ...slow[name](at)), {
        onStage: (child) => child.kill(/** @type {NodeJS.Signals} */ (signal)),
      });
      const said = refused(end, signal === "SIGINT" ? 130 : 143, new RegExp(`^sit: stopped by ${signal}`));
      expect(contentOf(out) === before, "the earlier result and nothing else", contentOf(out));
      return { said };
    },
  })),
  {
    name: "`sit finetune` stopped by SIGTERM, and gone on with",
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const onStage = (child) => setTimeout(() => child.kill("SIGTERM"), 300);
      const end = await run(args("finetune", out), { onStage });
      const said = end.stderr.trim().split("\n")[0] ?? "";
      expect(end.code === 143, "exit code 143", `${end.code}: ${end.stderr}`);
      expect(
        /^sit: stopped by SIGTERM; saved after step \d+/.test(said),
        "the step that was saved",
        end.stderr,
      );
      nothingHalf(out);
      const again = { onStage: (child) => setTimeout(() => child.kill("SIGINT"), 300) };
      const resumed = await run(["finetune", "--resume", "--out", out], again);
      expect(resumed.code === 130, "to go on, and exit code 130", `${resumed.code}: ${resumed.stderr}`);
      return { said };
    },
  },
  {
    name: "`sit embed` stopped by SIGINT twice",
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const name = "embed to a folder";
      const before = await earlier(setup, name, out);
      const onStage = (child) => {
        child.kill("SIGINT");
        setTimeout(() => child.kill("SIGINT"), APART);
      };
      const end = await run(args(name, out, "--data", at("many")), { onStage });
      expect(end.code === 130, "exit code 130", `${end.signal ?? end.code}: ${end.stderr}`);
      expect(
        contentOf(join(out, "x")) === before.replaceAll(/^x\n|x\//gm, ""),
        "the earlier result",
        "another",
      );
      return { said: end.stderr.trim() || "ended at once; the earlier result is there" };
    },
  },
  {
    name: "`sit embed` whose output is read no more",
    async run(setup) {
      const { args, at, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      const name = "embed to NumPy files";
      const before = await earlier(setup, name, out);
      const onStage = (child) => child.closeOutput();
      const end = await run(args(name, out, "--data", at("many")), { onStage });
      expect(end.code === 141, "exit code 141", `${end.signal ?? end.code}: ${end.stderr}`);
      expect(end.stderr === "", "nothing on the standard error stream", end.stderr);
      expect(contentOf(out) === before, "the earlier result and nothing else", contentOf(out));
      return { said: "exit code 141, as for SIGPIPE; the earlier result is there" };
    },
  },
  ...["embed to NumPy files", "embed to Parquet", "embed to a folder", "linear", "export"].map((name) => ({
    name: `\`sit ${name}\` killed while it writes, and begun again`,
    async run(setup) {
      const { args, run } = await commands(setup);
      const out = join(setup.scratch, "out");
      mkdirSync(out);
      let killed = 0;
      for (let time = 0; time < 3; time++) {
        const end = await run(args(name, out), {
          onStart: (child) => whenWriting(out, child, () => child.kill("SIGKILL")),
        });
        if (end.signal === "SIGKILL") killed++;
        else ended(end);
      }
      const left = readdirSync(out, { recursive: true }).length;
      ended(await run(args(name, out)));
      nothingHalf(out);
      const kept = join(setup.scratch, "other");
      await earlier(setup, name, kept);
      const names = (folder) => readdirSync(folder, { recursive: true }).map(String).sort().join(" ");
      expect(names(out) === names(kept), `${names(kept)}`, names(out));
      return { said: `killed ${killed} times, ${left} names left; then whole, and nothing beside it` };
    },
  })),
];
