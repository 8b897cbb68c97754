// The command line, stopped from outside: by signals, by a reader of its output that goes away, by another run.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startChild } from "../lib/child.mjs";
import { expect, intact, readable, savedDigest } from "../lib/expect-run.mjs";
import { pretrainCommand } from "../lib/runs.mjs";
import { watchCheckpoints } from "../lib/watch-checkpoints.mjs";

/** Seconds after which a command counts as hanging. */
const WATCHDOG = 90;
/** Milliseconds from one signal to the next, beyond which the command takes them for two. */
const APART = 550;
/** A network whose checkpoint of 200 MB takes longer than that to write. */
const large = { width: 384, depth: 8, heads: 6 };

/** @type {import("../faults.mjs").Fault[]} */
export const signalFaults = [
  ...Object.entries({ SIGINT: 130, SIGTERM: 143 }).map(([signal, code]) => ({
    name: `\`sit pretrain\` stopped by ${signal}`,
    async run(setup) {
      const out = join(setup.scratch, "out");
      const end = await command(setup, out, (child) => child.kill(/** @type {NodeJS.Signals} */ (signal)));
      expect(end.code === code, `exit code ${code}`, `${end.signal ?? end.code}: ${end.stderr}`);
      const said = end.stderr.trim();
      const step = Number(
        new RegExp(`^sit: stopped by ${signal}; saved after step (\\d+) in .*\n  Go on with: sit `).exec(
          said,
        )?.[1],
      );
      expect(step > 0, "the step that was saved, and the command to go on with", said);
      expect((await intact(out, step)) === step, `a checkpoint of step ${step}`, "another");
      await commandGoesOn(setup, out);
      return { said: said.split("\n")[0] ?? "" };
    },
  })),
  {
    name: "`sit pretrain` stopped by SIGINT, and again while it saves",
    async run(setup) {
      const out = join(setup.scratch, "out");
      // In the middle of the next step, so that there is something to save.
      const first = (child) => setTimeout(() => child.kill("SIGINT"), 100);
      const second = (child) => setTimeout(() => child.kill("SIGINT"), APART);
      const end = await command({ ...setup, options: large }, out, first, second);
      expect(end.code === 130, "exit code 130", `${end.signal ?? end.code}: ${end.stderr}`);
      const step = await readable(out, 2);
      const [line = ""] = end.stderr.trim().split("\n");
      // A disk quick enough has saved all before the second one.
      expect(line === "" || /saved after step \d+/.test(line), "nothing said, or what was saved", line);
      return { said: line || `ended at once; the checkpoint of step ${step} is there` };
    },
  },
  {
    name: "`sit pretrain` whose output is read no more",
    async run(setup) {
      const out = join(setup.scratch, "out");
      const end = await command(setup, out, (child) => child.closeOutput());
      expect(end.code === 141, "exit code 141", `${end.signal ?? end.code}: ${end.stderr}`);
      expect(end.stderr === "", "nothing on the standard error stream", end.stderr);
      await intact(out, 2);
      await commandGoesOn(setup, out);
      return { said: "saved; exit code 141, as for SIGPIPE" };
    },
  },
  {
    name: "a second `sit pretrain` on the same folder",
    async run(setup) {
      const out = join(setup.scratch, "out");
      /** @type {ReturnType<typeof command>[]} */
      const others = [];
      const end = await command(setup, out, () => others.push(command(setup, out)));
      const refused = await others[0];
      if (refused === undefined) throw new Error("expected a checkpoint of the first run, got none");
      const said = refused.stderr.trim();
      expect(refused.code === 2, "exit code 2", `${refused.signal ?? refused.code}: ${said}`);
      expect(/^sit: .*\n {2}/.test(said), "one message, with what to do", said);
      expect(end.code === 0 && end.stderr === "", "the first run to end", `${end.code}: ${end.stderr}`);
      expect(
        (await savedDigest(out)) === (await undisturbed(setup)),
        "the undisturbed run's digest",
        "another",
      );
      return { said: said.split("\n")[0] ?? "" };
    },
  },
];

/**
 * `sit pretrain`; `trouble` comes when the first checkpoint is there, `later` when the next is begun.
 *
 * @param {import("../lib/expect-run.mjs").Setup & { options?: Record<string, string | number> }} setup
 * @param {string} out
 * @param {(child: ReturnType<typeof startChild>) => void} [trouble]
 * @param {(child: ReturnType<typeof startChild>) => void} [later]
 */
async function command({ images, steps, engine, options }, out, trouble, later) {
  let saved = 0;
  const watcher = watchCheckpoints(out, {
    onWrite: () => saved === 1 && later?.(child),
    onSaved: () => saved++ === 0 && trouble?.(child),
  });
  const { script, args } = pretrainCommand({ images, out, steps, engine, options });
  const child = startChild(script, args, { timeout: WATCHDOG });
  const end = await child.ended;
  watcher.close();
  expect(!end.timedOut, `an end within ${WATCHDOG} s`, "none: the watchdog ended it");
  expect(end.orphans.length === 0, "no process left behind", `${end.orphans.length}`);
  return end;
}

async function commandGoesOn(setup, out) {
  const end = await command(setup, out);
  expect(end.code === 0 && end.stderr === "", "the run to go on", `${end.code}: ${end.stderr}`);
  expect((await savedDigest(out)) === (await undisturbed(setup)), "the undisturbed run's digest", "another");
}

/** The digest of a run that nobody stops; made once for all cases. */
async function undisturbed(setup) {
  const out = join(setup.scratch, "..", "undisturbed-command");
  if (!existsSync(join(out, "summary.json"))) {
    const end = await command(setup, out);
    expect(end.code === 0, "the undisturbed run to end", end.stderr);
  }
  return await savedDigest(out);
}
