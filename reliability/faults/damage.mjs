// Checkpoints that were damaged on the disk.
import { cpSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listCheckpoints } from "@sitjs/train/node";
import { expect, oneMessage, runSmall, wentOn } from "../lib/expect-run.mjs";

/** @type {Record<string, (folder: string) => void>} */
const damages = {
  "tensors cut off": (folder) => {
    const file = join(folder, "checkpoint.safetensors");
    truncateSync(file, readFileSync(file).length >> 1);
  },
  "one bit of the tensors flipped": (folder) => flipBit(join(folder, "checkpoint.safetensors")),
  "tensors empty": (folder) => truncateSync(join(folder, "checkpoint.safetensors")),
  "tensors missing": (folder) => rmSync(join(folder, "checkpoint.safetensors")),
  "description garbage": (folder) => writeFileSync(join(folder, "checkpoint.json"), "\0\u0001 no JSON {"),
  "description of something else": (folder) => writeFileSync(join(folder, "checkpoint.json"), '{"step": -1}'),
  "description empty": (folder) => truncateSync(join(folder, "checkpoint.json")),
  "description missing": (folder) => rmSync(join(folder, "checkpoint.json")),
};

/** @type {import("../faults.mjs").Fault[]} */
export const damageFaults = [
  ...Object.entries(damages).map(([name, damage]) => ({
    name: `latest checkpoint: ${name}`,
    async run(setup) {
      const out = await killedRun(setup);
      const [latest, ...older] = await listCheckpoints(out);
      expect(older.length > 0, "two checkpoints", `${1 + older.length}`);
      damage(latest.path);
      const end = await runSmall({ ...setup, out });
      const said = wentOn(end, setup, new RegExp(`^warning: ${latest.path}/checkpoint[^\n]*$`));
      const started = Number(/"started":(\d+)/.exec(end.stdout)?.[1]);
      expect(started === older[0].step, `to go on from step ${older[0].step}`, `${started}`);
      return { said };
    },
  })),
  {
    name: "only checkpoint damaged",
    async run(setup) {
      const out = await killedRun(setup);
      const [latest, ...older] = await listCheckpoints(out);
      for (const { path } of older) rmSync(path, { recursive: true });
      flipBit(join(latest.path, "checkpoint.safetensors"));
      const damaged = readFileSync(join(latest.path, "checkpoint.safetensors"));
      const said = oneMessage(
        await runSmall({ ...setup, out }),
        /^bad-file: .*checkpoint\.safetensors: .*damaged$/,
      );
      // Left as it is, for whoever can mend it.
      expect(
        damaged.equals(readFileSync(join(latest.path, "checkpoint.safetensors"))),
        "the file as it was",
        "another",
      );
      return { said };
    },
  },
  {
    name: "saved times and files' dates in the wrong order",
    async run(setup) {
      const out = await killedRun(setup);
      const found = await listCheckpoints(out);
      // The latest is the oldest by every clock.
      for (const [i, { path }] of found.entries()) {
        const file = join(path, "checkpoint.json");
        const time = new Date(2000 + i, 0);
        const info = JSON.parse(readFileSync(file, "utf8"));
        writeFileSync(file, JSON.stringify({ ...info, saved: time.toISOString() }));
        for (const dated of [file, path]) utimesSync(dated, time, time);
      }
      const end = await runSmall({ ...setup, out });
      wentOn(end, setup);
      const started = Number(/"started":(\d+)/.exec(end.stdout)?.[1]);
      expect(started === found[0].step, `to go on from step ${found[0].step}`, `${started}`);
      return { said: "went on from the step that is the latest" };
    },
  },
];

/** A run that was killed after some steps, copied from one that all cases share. */
async function killedRun(setup) {
  const out = join(setup.scratch, "out");
  const shared = join(setup.scratch, "..", "killed");
  if ((await listCheckpoints(shared)).length === 0) {
    const atStep = (step, kill) => step === 6 && kill();
    const end = await runSmall({ ...setup, out: shared }, { atStep });
    expect(end.signal === "SIGKILL", "the run to be killed", `exit code ${end.code}: ${end.stderr}`);
  }
  cpSync(shared, out, { recursive: true });
  return out;
}

function flipBit(file) {
  const bytes = readFileSync(file);
  // In the last tensor: the header still parses, only the sum can tell.
  bytes[bytes.length - 5] ^= 4;
  writeFileSync(file, bytes);
}
