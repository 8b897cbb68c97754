import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canGoOn, intact, oneMessage, runSmall, wentOn } from "../lib/expect-run.mjs";
import { fill, smallDisk } from "../lib/small-disk.mjs";

/** Room for two checkpoints of the tiny network, not for three. */
const KILOBYTES = 420;
const noDisk = { skipped: "this user may not mount a file system" };

/** @type {import("../faults.mjs").Fault[]} */
export const diskFaults = [
  {
    name: "disk full while a checkpoint is written",
    async run(setup) {
      const out = join(setup.scratch, "disk");
      const disk = smallDisk(out, KILOBYTES);
      if (disk === undefined) return noDisk;
      try {
        const said = oneMessage(await runSmall({ ...setup, out }), /^disk: .*step-\d+.*ENOSPC/);
        await intact(out, 2);
        disk.remount("size=2000k");
        await canGoOn(out, setup);
        return { said };
      } finally {
        disk.close();
      }
    },
  },
  {
    name: "disk full by someone else",
    async run(setup) {
      const out = join(setup.scratch, "disk");
      const disk = smallDisk(out, 4 * KILOBYTES);
      if (disk === undefined) return noDisk;
      try {
        const filling = join(out, "other.bin");
        const atStep = (step) => {
          if (step === 5) fill(filling);
        };
        const said = oneMessage(await runSmall({ ...setup, out }, { atStep }), /^disk: .*ENOSPC/);
        await intact(out, 5);
        rmSync(filling);
        await canGoOn(out, setup);
        return { said };
      } finally {
        disk.close();
      }
    },
  },
  {
    name: "folder becomes read-only",
    async run(setup) {
      const out = join(setup.scratch, "disk");
      const disk = smallDisk(out, 4 * KILOBYTES);
      if (disk === undefined) return noDisk;
      try {
        // Refused while a file is open for writing, so more than once.
        let locked = false;
        const atStep = (step) => {
          if (step >= 3 && !locked) locked = disk.remount("ro");
        };
        const said = oneMessage(await runSmall({ ...setup, out }, { atStep }), /^disk: .*EROFS/);
        disk.remount("rw");
        await intact(out, 3);
        await canGoOn(out, setup);
        return { said };
      } finally {
        disk.close();
      }
    },
  },
  {
    name: "run's folder taken away under the run",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const atStep = (step) => {
        if (step !== 7) return;
        renameSync(out, `${out}-gone`);
        rmSync(`${out}-gone`, { recursive: true });
      };
      const end = await runSmall({ ...setup, out, every: 5 }, { atStep });
      // In the middle of a write it is an error, else the folder is made again.
      if (end.code !== 0) return { said: oneMessage(end, /^disk: /) };
      wentOn(end, setup);
      await intact(out, setup.steps);
      return { said: "made again; went on" };
    },
  },
  {
    name: "a file in place of the run's folder",
    async run(setup) {
      const out = join(setup.scratch, "out");
      writeFileSync(out, "not a folder");
      const said = oneMessage(await runSmall({ ...setup, out }), /^disk: /);
      return { said };
    },
  },
];
