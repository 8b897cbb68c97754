import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, json, run, start, checkpoints } = runsFolder("demo", (at) => makePictures(at("photos"), 30));

const small = `--channels 3 ${tiny} --epochs 4 --checkpoint-steps 5 --labels-per-class 2,4 --finetune-steps 30 --finetune-batch-size 4`;
const demo = `demo --data photos ${small}`;

/** What a demo says, without what is another each time. */
const digits = (out: string) => {
  const { seconds, timings, peakMemoryMB, pretrain, ...summary } = json(out, "summary.json");
  const { losses, steps, epochs } = pretrain;
  return { ...summary, losses, steps, epochs, stages: timings.map(({ name }: { name: string }) => name) };
};
const report = (out: string) => {
  const { knn, accuracy, finetune, mistakes, reconstructions, embeddings, warnings } = json(
    out,
    "report.json",
  );
  return { knn, accuracy, finetune, mistakes, reconstructions, embeddings, warnings };
};
/** One that goes on has more of TensorBoard's files. */
const files = (out: string) => [
  ...new Set(
    readdirSync(at(out))
      .map((name) => name.replace(/^(events\.out\.tfevents).*/, "$1"))
      .sort(),
  ),
];
const steps = (out: string) =>
  readFileSync(at(out, "history.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === undefined)
    .map(({ step }) => step);

describe("a demo that is stopped and goes on", () => {
  beforeAll(async () => {
    expect(await run(`${demo} --out whole --quiet`)).toMatchObject({ code: 0 });
  }, 120_000);

  const expectWhole = (out: string) => {
    expect(digits(out)).toEqual(digits("whole"));
    expect(report(out)).toEqual(report("whole"));
    expect(files(out)).toEqual(files("whole"));
    expect(checkpoints(out)[0].file.sha256).toBe(checkpoints("whole")[0].file.sha256);
    expect(steps(out)).toEqual(steps("whole"));
    expect(existsSync(at(`${out}.unfinished`))).toBe(false);
  };

  it.each([
    ["its pretraining", "SIGINT", 130, /"Pretraining",.*"done":(1\d|2\d)/],
    ["its second classifier", "SIGTERM", 143, /"Pretrained, 4 labels",.*"done":[1-9]/],
  ] as const)("in %s: --resume alone comes to the same digits", async (_, signal, code, moment) => {
    const out = `by-${signal}`;
    const running = start(`${demo} --out ${out} --json`, { slowly: true });
    await running.says(moment);
    running.child.kill(signal);
    const stopped = await running.finished;
    expect(stopped.code).toBe(code);
    expect(stopped.err).toBe(
      `sit: stopped by ${signal}; what is done stays in ${out}.unfinished\n  Go on with: sit demo --resume --out ${out}\n`,
    );
    expect(existsSync(at(out))).toBe(false);

    const again = await run(`${demo} --out ${out}`);
    expect(again.code).toBe(2);
    expect(again.err).toContain(
      `--out ${out}: expected no demo that was stopped, got one in ${out}.unfinished\n  sit demo --resume --out ${out} goes on with it, --overwrite begins anew.`,
    );
    const other = await run(`demo --resume --out ${out} --seeds 1,2 --labels-per-class 2 --width 32`);
    expect(other.code).toBe(2);
    expect(other.err).toContain(
      `the run in ${out}.unfinished began with: --width 16 (now 32); --seeds 0 (now 1,2); --labels-per-class 2,4 (now 2)`,
    );

    const resumed = await run(`demo --resume --out ${out} --json`);
    expect(resumed).toMatchObject({ code: 0, err: "" });
    expect(resumed.out).toContain("Going on with what is done in");
    // What is done is not done again.
    expect(resumed.out).not.toContain('"stage":"k-NN before pretraining"');
    if (signal === "SIGTERM") expect(resumed.out).not.toContain('"stage":"From scratch, 4 labels"');
    expectWhole(out);
    expect((await run(`demo --resume --out ${out}`)).out).toBe(
      `${out}: the run is complete; nothing was changed\n`,
    );
  });

  it("after a kill at any of many moments", async () => {
    const out = "killed";
    for (const moment of [
      /"Pretraining",.*"done":(1\d|2\d)/,
      /"k-NN after pretraining","total"/,
      /"From scratch, 8 labels",.*"done":[1-9]/,
    ]) {
      const how = existsSync(at(`${out}.unfinished`)) ? "--resume" : `${small} --data photos`;
      const running = start(`demo ${how} --out ${out} --json`, { slowly: true });
      await running.says(moment);
      running.child.kill("SIGKILL");
      expect((await running.finished).signal).toBe("SIGKILL");
    }
    expect(await run(`demo --resume --out ${out} --quiet`)).toMatchObject({ code: 0 });
    expectWhole(out);
  });

  it("of several seeds, those that are done are not done again", async () => {
    const seeds = `demo --data photos ${small} --seeds 0,3`;
    expect(await run(`${seeds} --out seeds --quiet`)).toMatchObject({ code: 0 });
    const running = start(`${seeds} --out cut --json`, { slowly: true });
    await running.says(/"Seed 3: Pretraining",.*"done":(1\d|2\d)/);
    running.child.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    const resumed = await run("demo --resume --out cut --json");
    expect(resumed).toMatchObject({ code: 0, err: "" });
    expect(resumed.out).not.toContain('"stage":"Seed 0: ');
    const [whole, cut] = [json("seeds", "results.json"), json("cut", "results.json")];
    expect(cut.accuracy).toEqual(whole.accuracy);
    expect(cut.knn).toEqual(whole.knn);
    expect(cut.seeds).toEqual([0, 3]);
    expect(files("cut")).toEqual(files("seeds"));
  });

  it("says what is damaged, and what is not there", async () => {
    const none = await run("demo --resume --out nowhere");
    expect(none).toMatchObject({ code: expect.any(Number) });
    expect(none.err).toContain("--resume nowhere: expected a demo that was stopped, got none");
    const running = start(`${demo} --out broken --json`, { slowly: true });
    await running.says(/"From scratch, 4 labels",.*"done":[1-9]/);
    running.child.kill("SIGKILL");
    await running.finished;
    const file = at("broken.unfinished", "parts.partial", "seed-0", "before.json");
    writeFileSync(file, '{"part":"after","value":{}}');
    const broken = await run("demo --resume --out broken");
    expect(broken.err).toContain("before.json: expected what before has come to, got something else");
    rmSync(file);
    expect(await run("demo --resume --out broken --quiet")).toMatchObject({ code: 0 });
    expectWhole("broken");
  });
});
