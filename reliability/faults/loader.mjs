// Images and threads that are lost under a run: it goes on, or ends with one message and all its steps saved.
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { canGoOn, expect, intact, oneMessage, runSmall, wentOn } from "../lib/expect-run.mjs";

/** Steps after which the images go. */
const STEP = 3;

/** @type {Record<string, (file: string) => void>} */
const losses = {
  removed: (file) => rmSync(file),
  "cut off": (file) => truncateSync(file, 60),
  "replaced by something else": (file) => writeFileSync(file, "no image"),
};

/** @type {Record<string, "end" | "memory" | "throw">} */
const breaks = { "ends by itself": "end", "runs out of memory": "memory" };

/** @type {import("../faults.mjs").Fault[]} */
export const loaderFaults = [
  ...Object.entries(losses).map(([name, lose]) => ({
    name: `image files ${name} under the run`,
    async run(setup) {
      const [out, images] = [join(setup.scratch, "out"), join(setup.scratch, "images")];
      await cp(setup.images, images, { recursive: true });
      // Some are read ahead already, so more than one.
      const lost = Array.from({ length: 16 }, (_, i) => `${String(2 * i).padStart(4, "0")}.png`);
      const atStep = (step) => {
        if (step === STEP) for (const file of lost) lose(join(images, file));
      };
      const end = await runSmall({ ...setup, images, out }, { atStep });
      const said = oneMessage(end, /^(missing-file|bad-file): .*\d{4}\.png/);
      // The error has saved the last step done.
      const done = Number(/"step":(\d+)\}\s*$/.exec(end.stdout)?.[1]) + 1;
      const step = await intact(out, STEP);
      expect(step === done, `the checkpoint of step ${done}`, `${step}`);
      await canGoOn(out, setup);
      return { said };
    },
  })),
  ...Object.entries(breaks).map(([name, kind]) => ({
    name: `worker thread ${name}`,
    async run(setup) {
      const out = join(setup.scratch, "out");
      const breaking = { kind, once: join(setup.scratch, "broken") };
      const nodeArgs = kind === "memory" ? ["--max-old-space-size=150"] : [];
      const end = await runSmall({ ...setup, out, breaking }, { nodeArgs });
      if (end.code === 0) {
        wentOn(end, setup);
        return { said: "replaced; went on" };
      }
      const said = oneMessage(end, /^aborted: loader worker: /);
      await intact(out, 1);
      // It breaks once only.
      await canGoOn(out, setup, { breaking });
      return { said };
    },
  })),
  {
    name: "transform of the user's own fails in a worker",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const breaking = /** @type {const} */ ({ kind: "throw", once: join(setup.scratch, "broken") });
      const said = oneMessage(await runSmall({ ...setup, out, breaking }), /the transform has failed/);
      await intact(out, 1);
      // It breaks once only.
      await canGoOn(out, setup, { breaking });
      return { said };
    },
  },
];
