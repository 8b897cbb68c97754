// What runs out or goes wrong in the process of a run.
import { join } from "node:path";
import { canGoOn, expect, intact, oneMessage, readable, runSmall, wentOn } from "../lib/expect-run.mjs";

const STEP = 5;
/** A step that no run comes to. */
const NEVER = 1_000_000;

/** @type {import("../faults.mjs").Fault[]} */
export const processFaults = [
  {
    name: "loss of the user's own not finite",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const trouble = /** @type {const} */ ({ kind: "not finite", step: STEP });
      // From step, part, learning rate and gradient to the images of the batch.
      const pattern =
        /^not-finite: step 5 .*reconstruction NaN.* learning rate [\d.e-]+;.*gradient.*; images \S*\d+\.png, /;
      const said = oneMessage(await runSmall({ ...setup, out, trouble }), pattern);
      const step = await intact(out, STEP);
      expect(step === STEP, `the checkpoint of step ${STEP}`, `${step}`);
      await canGoOn(out, setup, { trouble: { ...trouble, step: NEVER } });
      return { said };
    },
  },
  {
    name: "no file handles left",
    async run(setup) {
      if (process.platform === "win32") return { skipped: "no limit of handles to set" };
      const out = join(setup.scratch, "out");
      const trouble = /** @type {const} */ ({ kind: "handles", step: STEP });
      const prefix = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"];
      const end = await runSmall({ ...setup, out, trouble }, { prefix });
      const said = oneMessage(end, /EMFILE|too many open files/);
      // Without a handle no folder can be read and emptied: what is half written stays beside, under a name that no reader
      // takes, until the next save.
      await readable(out, STEP - 1);
      await canGoOn(out, setup);
      return { said };
    },
  },
  {
    name: "heap of the main thread used up",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const trouble = /** @type {const} */ ({ kind: "heap", step: STEP });
      const end = await runSmall({ ...setup, out, trouble }, { nodeArgs: ["--max-old-space-size=150"] });
      // V8 ends the process itself, and says why.
      expect(end.code !== 0, "an end by V8", `exit code ${end.code}`);
      expect(/heap out of memory/.test(end.stderr), "V8's message", end.stderr);
      await intact(out, STEP);
      await canGoOn(out, setup);
      return { said: "JavaScript heap out of memory (V8's own message)" };
    },
  },
  {
    name: "clock jumps by years, back and forth",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const trouble = /** @type {const} */ ({ kind: "clock", step: STEP });
      wentOn(await runSmall({ ...setup, out, trouble }), setup);
      await intact(out, setup.steps);
      return { said: "went on" };
    },
  },
];
