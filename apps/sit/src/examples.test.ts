// The configs of `examples`, as they are, through the command line: parts from outside the packages are trained and resumed.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { runsFolder, tiny } from "./testing.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Pictures of CIFAR-10 and views of them, from the picture of the docs that shows them: 3 rows of 8, 96 pixels each. */
async function cutPictures(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const sheet = join(root, "docs", "pictures", "contact-sheet.png");
  for (let i = 0; i < 24; i++) {
    const [top, left] = [2 + 98 * Math.floor(i / 8), 2 + 98 * (i % 8)];
    await sharp(sheet)
      .extract({ top, left, width: 96, height: 96 })
      .resize(32)
      .png()
      .toFile(join(folder, `${i}.png`));
  }
}

const { json, run, start, checkpoints } = runsFolder("examples", (at) => cutPictures(at("photos")));
const STEPS = 12;

describe.each([
  ["sit", ["backbone", "corruption", "reconstruction", "views"], ["contrast", "reconstruction"]],
  ["byol", ["method"], ["loss"]],
])("examples/%s.config.ts", (name, parts, losses) => {
  const config = join(root, "examples", `${name}.config.ts`);
  const pretrain = `pretrain --config ${config} --data photos ${tiny} --steps ${STEPS} --workers 1`;
  const latest = (out: string) => checkpoints(out)[0];

  it("trains with the parts of the file", async () => {
    expect(await run(`${pretrain} --out ${name} --quiet`)).toMatchObject({ code: 0, err: "" });
    const { pretrain: summary } = json(name, "summary.json");
    expect(summary.steps).toBe(STEPS);
    expect(Object.keys(summary.losses).sort()).toEqual(losses);
    expect(latest(name).settings.customParts).toEqual(parts);
  });

  it("is stopped, and goes on with them to the same bits", async () => {
    const running = start(`${pretrain} --out cut-${name} --json`, { slowly: true });
    await running.says(/"progress"/);
    running.child.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    const resumed = await run(`pretrain --resume --out cut-${name}`);
    expect(resumed.err).toMatch(new RegExp(`Going on after step \\d+ of ${STEPS}`));
    expect(resumed.code).toBe(0);
    expect(latest(`cut-${name}`).file.sha256).toBe(latest(name).file.sha256);
  });
});
