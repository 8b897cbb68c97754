import { cpSync, rmSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, run, checkpoints } = runsFolder("own-parts", (at) => makePictures(at("photos"), 6));

const pretrain = `pretrain --data photos ${tiny} --steps 4 --checkpoint-steps 2 --quiet`;
const config = (comment = "") => `export default { parts: { contrast: null } };${comment}\n`;
/** The run in `from` as it was after its second step, in `out`. */
const cut = (from: string, out: string) => {
  cpSync(at(from), at(out), { recursive: true });
  rmSync(at(out, "summary.json"));
  rmSync(at(out, "checkpoints", "step-000000004"), { recursive: true });
};

it("goes on with the parts of its config file, and refuses others and a file that has changed", async () => {
  writeFileSync(at("own.mjs"), config());
  expect(await run(`${pretrain} --config own.mjs --out own`)).toMatchObject({ code: 0, err: "" });
  expect(await run(`${pretrain} --out usual`)).toMatchObject({ code: 0, err: "" });
  cut("own", "own-cut");
  cut("usual", "usual-cut");
  const [{ settings }] = checkpoints("own");
  expect(settings).toMatchObject({ customParts: ["contrast"], config: "own.mjs" });

  const more = await run("pretrain --resume --out usual-cut --config own.mjs");
  expect(more.code).toBe(2);
  expect(more.err).toContain("the run began with: config parts none (now contrast)");

  writeFileSync(at("own.mjs"), config(" // another"));
  const changed = await run("pretrain --resume --out own-cut");
  expect(changed.code).toBe(2);
  expect(changed.err).toMatch(
    /--resume: expected the config file as it was .* --config own\.mjs with SHA-256 [0-9a-f]{8} \(now own\.mjs with [0-9a-f]{8}\)/,
  );

  // Under another name it is the same.
  writeFileSync(at("moved.mjs"), config());
  expect(await run("pretrain --resume --out own-cut --config moved.mjs --quiet")).toMatchObject({ code: 0 });
  expect(checkpoints("own-cut")[0].file.sha256).toBe(checkpoints("own")[0].file.sha256);
});
