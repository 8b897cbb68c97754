import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../scripts/lib/steps.mjs";
import { blocks } from "./lib/page-blocks.mjs";
import { soakPicture } from "./lib/picture-soak.mjs";
import { allResults } from "./lib/results.mjs";
import { filledPage, pageFile, pictureFile } from "./page.mjs";

const page = readFileSync(pageFile, "utf8");
const results = allResults();

describe("docs/reliability.md", () => {
  it("has a place for every block", () => {
    for (const name of Object.keys(blocks)) expect(page).toContain(`<!-- ${name} -->\n\n`);
  });

  it("says what reliability/results say, and so does its picture", () => {
    expect(filledPage(page, results)).toBe(page);
    if (results.soak) expect(readFileSync(pictureFile, "utf8")).toBe(soakPicture(results.soak));
  });

  it("names tests that exist", () => {
    const named = [...page.matchAll(/\]\(\.\.\/([\w./-]+\.(?:ts|mjs|json))\)/g)].map(([, path]) => path);
    expect(named.length).toBeGreaterThan(10);
    for (const path of named) expect(existsSync(join(root, path)), path).toBe(true);
  });

  it("is changed by other results, between its markers alone", () => {
    const counts = { where: { "writing the tensors": 7 }, workers: { 0: 3, 2: 6 } };
    const variant = {
      variant: "the packages",
      kills: 7,
      runs: 2,
      steps: 60,
      writeMs: 5,
      orphansLookedFor: true,
    };
    const kill = { data: "images", variants: [{ ...variant, ...counts }] };
    const filled = filledPage(page, { ...results, kill });
    const prose = (text) => text.replace(/(<!-- (\w+) -->).*?(<!-- \/\2 -->)/gs, "");
    expect(prose(filled)).toBe(prose(page));
    expect(filled).toContain("| writing the tensors | 7 |");
    expect(filledPage(page, { ...results, kill: undefined })).toContain("Not measured.");
  });

  it("shows what is not the same", () => {
    const row = (name, equal) => ({ name, equal, digest: "", promised: false });
    const groups = [
      { name: "engine", rows: [row("first", true), row("again", true), row("another seed", false)] },
    ];
    const block = blocks.determinism({ determinism: { steps: 4, groups } });
    expect(block).toContain("| again | same |\n| another seed | **other** |");
  });
});
