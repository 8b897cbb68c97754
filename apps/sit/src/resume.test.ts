import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const runs = runsFolder("resume", (at) => makePictures(at("photos"), 12));
const { at, json, run, checkpoints } = runs;
/** A run that is to be stopped long before its end. */
const start = (text: string) => runs.start(text, { slowly: true });

const finalSum = (out: string) => checkpoints(out)[0].file.sha256;
const history = (out: string) =>
  readFileSync(at(out, "history.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
/** Lines of steps; the others are looks. */
const steps = (out: string) => history(out).filter(({ kind }) => kind === undefined);
const looks = (out: string) =>
  history(out)
    .filter(({ kind }) => kind === "watch")
    .map(({ seconds, gradientNorm, ...look }) => look);
/** A run that goes on has more of TensorBoard's files. */
const files = (out: string) => [
  ...new Set(
    readdirSync(at(out))
      .map((name) => name.replace(/^(events\.out\.tfevents).*/, "$1"))
      .sort(),
  ),
];

const pretrain = `pretrain --data photos ${tiny} --epochs 20 --checkpoint-steps 10`;
const STEPS = 120;

describe("a pretraining that is stopped and goes on", () => {
  beforeAll(async () => {
    expect(await run(`${pretrain} --out whole --quiet`)).toMatchObject({ code: 0, err: "" });
  });

  /** The run in `out` must have come to the same as the one in `whole`. */
  const expectWhole = (out: string) => {
    expect(finalSum(out)).toBe(finalSum("whole"));
    expect(steps(out).map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i));
    const [summary, whole] = [json(out, "summary.json"), json("whole", "summary.json")];
    expect(summary.pretrain).toMatchObject({ steps: STEPS, epochs: 20 });
    expect(summary.pretrain.losses).toEqual(whole.pretrain.losses);
    expect(json(out, "report.json").pretrain.history).toHaveLength(20);
    expect(files(out)).toEqual(files("whole"));
    expect(looks(out)).toEqual(looks("whole"));
    expect(readdirSync(at(out, "pictures"))).toEqual(readdirSync(at("whole", "pictures")));
  };

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s saves the step it is in, and --resume alone goes on: the same bits",
    async (signal, code) => {
      const out = `by-${signal}`;
      const running = start(`${pretrain} --out ${out} --json`);
      await running.says(/"progress"/);
      running.child.kill(signal);
      const stopped = await running.finished;
      expect(stopped.code).toBe(code);
      const [{ step, path }] = checkpoints(out) as [{ step: number; path: string }];
      expect(step).toBeGreaterThan(0);
      expect(step).toBeLessThan(STEPS);
      const place = relative(at(), path);
      expect(stopped.err).toBe(
        `sit: stopped by ${signal}; saved after step ${step} in ${place}\n  Go on with: sit pretrain --resume --out ${out}\n`,
      );
      expect(JSON.parse(stopped.out.trimEnd().split("\n").at(-1) as string)).toEqual({
        event: "stopped",
        signal,
        step,
        checkpoint: place,
        resume: `sit pretrain --resume --out ${out}`,
      });
      expect(steps(out)).toHaveLength(step);
      expect(existsSync(at(out, "run.lock"))).toBe(false);

      const resumed = await run(`pretrain --resume --out ${out} --workers 1`);
      expect(resumed.err).toContain(`Going on after step ${step} of ${STEPS}`);
      expect(resumed.err).toContain("--workers 1 (was 0): taken");
      expect(resumed.code).toBe(0);
      expectWhole(out);
    },
  );

  it("goes on after a kill: without half a line of the history, nor a lock, from an older checkpoint", async () => {
    const running = start(`${pretrain} --out killed --workers 2 --json`);
    await running.says(/"done":(2[1-9]|[3-9]\d|1[01]\d)/);
    running.child.kill("SIGKILL");
    expect((await running.finished).signal).toBe("SIGKILL");
    expect(existsSync(at("killed", "run.lock"))).toBe(true);
    appendFileSync(at("killed", "history.jsonl"), '{"step":9');
    const [latest, older] = checkpoints("killed");
    truncateSync(join(latest.path, "checkpoint.safetensors"), 1000);

    const resumed = await run("pretrain --resume --out killed");
    expect(resumed.err).toMatch(
      /^Warning: .*step-0*\d+\/checkpoint.safetensors: expected \d+ bytes.*; the checkpoint before it is taken$/m,
    );
    expect(resumed.err.match(/is taken/g)).toHaveLength(1);
    expect(resumed.err).toContain(`Going on after step ${older.step} of ${STEPS}`);
    expect(resumed.code).toBe(0);
    expectWhole("killed");
  });

  it("writes the results of a run killed after its last step, and clears away what that has left", async () => {
    cpSync(at("whole"), at("killed-last"), { recursive: true });
    rmSync(at("killed-last", "summary.json"));
    mkdirSync(at("killed-last", "checkpoints", ".step-000000099.old"));
    expect(await run("pretrain --resume --out killed-last")).toMatchObject({ code: 0 });
    expect(readdirSync(at("killed-last", "checkpoints")).sort()).toEqual(
      readdirSync(at("whole", "checkpoints")).sort(),
    );
    expectWhole("killed-last");
  });

  it("saves, and ends quietly, where nobody reads the output any more", async () => {
    const running = start(`${pretrain} --out pipe --json`);
    await running.says(/"progress"/);
    running.child.stdout.destroy();
    expect(await running.finished).toMatchObject({ code: 141, err: "" });
    const [{ step }] = checkpoints("pipe");
    expect(step).toBeGreaterThan(0);
    expect((await run("pretrain --resume --out pipe --quiet")).code).toBe(0);
    expectWhole("pipe");
  });

  it("names every setting that is another than the run's, and how the images differ", async () => {
    const other = await run("pretrain --resume --out whole --width 32 --heads 4 --epochs 3 --seed 5");
    expect(other).toMatchObject({ code: 2, out: "" });
    expect(other.err).toBe(
      "sit: --resume: expected the settings that the run in whole began with: " +
        "--width 16 (now 32); --heads 2 (now 4); --epochs 20 (now 3); --seed 0 (now 5)\n" +
        "  Leave these options out, or begin a new run in another folder.\n",
    );
    const running = start(`${pretrain} --out images --json`);
    await running.says(/"progress"/);
    running.child.kill("SIGINT");
    await running.finished;
    await makePictures(at("fewer"), 11);
    const fewer = await run("pretrain --resume --out images --data fewer");
    expect(fewer.code).toBe(2);
    expect(fewer.err).toContain("--data photos (now fewer: 2 training images fewer, 22 (saved 24))");
    await makePictures(at("others"), 12);
    appendFileSync(at("others", "red", "0.png"), " ");
    const others = await run("pretrain --resume --out images --data others");
    expect(others.err).toContain("(now others: as many training images, 24, but others");
    await makePictures(at("moved"), 12);
    const moved = await run("pretrain --resume --out images --data moved --keep-checkpoints 1");
    expect(moved.err).toContain("--keep-checkpoints 1 (was 2): taken");
    expect(moved.err).toContain("--data moved (was photos): the same images");
    expect(moved.code).toBe(0);
    expectWhole("images");
  });

  it("leaves a run that is complete as it is", async () => {
    const files = () =>
      readdirSync(at("whole"), { recursive: true })
        .map(String)
        .sort()
        .map((name) => [name, statSync(at("whole", name)).mtimeMs]);
    const before = files();
    const again = await run("pretrain --resume --out whole");
    expect(again).toMatchObject({
      code: 0,
      out: `whole: the run is complete, all ${STEPS} steps are done; nothing was changed\n`,
    });
    expect(files()).toEqual(before);
  });

  it("asks before it replaces a run with checkpoints", async () => {
    const sum = finalSum("whole");
    const refused = await run(`${pretrain} --out whole`);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.err).toMatch(
      /--out whole: expected a new folder, got that of an earlier run with \d+ checkpoints/,
    );
    expect(refused.err).toContain("--resume goes on with that run, --overwrite replaces it.");
    expect(await run(`${pretrain} --out whole --resume --overwrite`)).toMatchObject({
      code: 2,
      err: "sit: --overwrite: expected no --resume beside it, got both\n",
    });
    expect(finalSum("whole")).toBe(sum);
    const replaced = await run(
      `pretrain --data photos ${tiny} --epochs 1 --out by-SIGHUP --overwrite --quiet`,
    );
    expect(replaced.code).toBe(0);
    expect(checkpoints("by-SIGHUP").map(({ step }) => step)).toEqual([6]);
    expect(steps("by-SIGHUP")).toHaveLength(6);
  });

  it("has a folder for itself while it runs", async () => {
    // So long that it is still at it when the others come, and has a checkpoint that they find.
    const running = start(`${pretrain} --epochs 1000 --out shared --json`);
    await running.says(/"done":(1[1-9]|[2-9]\d)/);
    for (const how of ["--resume", `--data photos ${tiny} --overwrite`]) {
      const second = await run(`pretrain --out shared ${how}`);
      expect(second.code).toBe(2);
      expect(second.err).toContain(
        `--out shared: expected a folder that no run is using, got one of process ${running.child.pid}`,
      );
    }
    running.child.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
  });
});

describe("a fine-tuning that is stopped and goes on", () => {
  const finetune = `finetune --data photos --engine wasm --workers 0 --epochs 20 --batch-size 4 --checkpoint-steps 10 --checkpoint whole`;

  it("goes on to the same bits and the same accuracy, without being told again where it began", async () => {
    expect(await run(`${finetune} --out tuned --quiet`)).toMatchObject({ code: 0, err: "" });
    const running = start(`${finetune} --out cut --json`);
    await running.says(/"progress"/);
    running.child.kill("SIGTERM");
    const stopped = await running.finished;
    expect(stopped.code).toBe(143);
    expect(stopped.err).toContain("Go on with: sit finetune --resume --out cut");
    const other = await run(
      "finetune --resume --out cut --from-scratch --layer-decay 0.5 --labels-per-class 2",
    );
    expect(other.code).toBe(2);
    expect(other.err).toContain(
      "--layer-decay 1 (now 0.5); --labels-per-class none (now 2); --checkpoint whole (now --from-scratch)",
    );
    expect(await run("pretrain --resume --out cut")).toMatchObject({
      code: 2,
      err: "sit: --resume: expected a run of sit pretrain in cut, got one of sit finetune\n",
    });
    expect((await run("finetune --resume --out cut --quiet")).code).toBe(0);
    expect(finalSum("cut")).toBe(finalSum("tuned"));
    const [cut, tuned] = [json("cut", "summary.json"), json("tuned", "summary.json")];
    expect(cut).toMatchObject({
      accuracy: tuned.accuracy,
      steps: 100,
      start: "pretrained",
      labels: tuned.labels,
    });
    expect(json("cut", "report.json").finetune).toEqual(json("tuned", "report.json").finetune);
    expect((await run("finetune --resume --out cut")).out).toContain("the run is complete");
  });

  it("makes up the test and the report where only these are missing", async () => {
    rmSync(at("cut", "summary.json"));
    expect((await run("finetune --resume --out cut --quiet")).code).toBe(0);
    expect(json("cut", "summary.json")).toMatchObject({
      accuracy: json("tuned", "summary.json").accuracy,
      steps: 100,
    });
  });
});
