import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { latestFile, latestResults } from "./lib/latest.mjs";
import { blocks } from "./lib/page-blocks.mjs";
import { sampleResults } from "./lib/sample-results.mjs";
import { filledPage, pageFile } from "./page.mjs";
import { pictures, picturesFolder } from "./plot.mjs";

const page = readFileSync(pageFile, "utf8");

/** Cells of a table's lines, without head and rule. */
const cells = (block) =>
  block
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(2, -2).split(" | "))
    .filter(([first]) => !/^-+$/.test(first));

describe("docs/performance.md", () => {
  it("has a place for every block", () => {
    for (const name of Object.keys(blocks)) expect(page).toContain(`<!-- ${name} -->\n\n`);
  });

  it("is filled between its markers alone, and again without a change", () => {
    const filled = filledPage(page, sampleResults);
    const prose = (text) => text.replace(/(<!-- (\w+) -->).*?(<!-- \/\2 -->)/gs, "");
    expect(prose(filled)).toBe(prose(page));
    expect(filled).not.toContain("Not measured.");
    expect(filled).toContain("**1.60** (1.52 to 1.68)");
    expect(filledPage(filled, sampleResults)).toBe(filled);
    expect(filledPage(filled, { ...sampleResults, growth: undefined })).toContain("Not measured.");
  });

  it("refuses markers that name no block", () => {
    expect(() => filledPage("<!-- speed -->\n<!-- /speed -->", sampleResults)).toThrow(/got speed/);
  });

  it.skipIf(!existsSync(latestFile))("says what latest.json says, and so do its pictures", () => {
    const results = latestResults();
    expect(filledPage(page, results)).toBe(page);
    for (const { name, svg } of pictures(results)) {
      expect(readFileSync(join(picturesFolder, name), "utf8"), name).toBe(svg);
    }
  });
});

describe("blocks", () => {
  it("mark what was missed", () => {
    const [, reached, missed] = cells(blocks.steps(sampleResults));
    expect(reached[4]).toBe("1.5");
    expect(missed[4]).toBe("1.5: missed");
  });

  it("show every setting of PyTorch's, also one that could not compute", () => {
    const rows = cells(blocks.settings(sampleResults)).slice(1);
    expect(rows).toHaveLength(4);
    expect(rows[1][0]).toBe("A, PyTorch float32, torch.compile");
    expect(rows[1].at(-1)).toBe("no compiler");
  });

  it("set each method beside the first", () => {
    const [head, ...rows] = cells(blocks.methods(sampleResults));
    expect(head).toEqual(["Small images", "views", "ms", "of mae's", "peak MB"]);
    expect(rows).toEqual([
      ["mae", "1", "110 (100 to 120)", "**1.00** (1.00 to 1.00)", "700"],
      ["simmim", "1", "220 (210 to 230)", "**2.00** (1.96 to 2.05)", "700"],
    ]);
  });

  it("set a batch of the loader beside the step that waits for it", () => {
    const [, row] = cells(blocks.loader(sampleResults));
    expect(row.slice(-2)).toEqual(["21", "100 (A)"]);
    const [, alone] = cells(blocks.loader({ loader: sampleResults.loader }));
    expect(alone.at(-1)).toBe("");
  });

  it("set each precision's curves beside float32's", () => {
    const rows = cells(blocks.precision(sampleResults)).slice(1);
    expect(rows).toEqual([
      ["float32", "", "", "", "50.0 %", "300"],
      ["bfloat16", "0.40 %", "0.30 %", "1.20 %", "51.0 %", "300"],
    ]);
  });

  it("show both sides' exponents beside each other", () => {
    const exponent = { axis: "batch", precision: "float32", memory: 0.5 };
    const exponents = [
      { ...exponent, side: "sitjs", time: 0.97 },
      { ...exponent, side: "PyTorch", time: 1.04 },
    ];
    expect(cells(blocks.growth({ growth: { exponents } }))).toEqual([
      ["varied", "time, sitjs", "time, PyTorch", "memory, sitjs", "memory, PyTorch"],
      ["batch, float32", "0.97", "1.04", "0.50", "0.50"],
    ]);
  });

  it("lose no time of a profile", () => {
    const [, ...rows] = cells(blocks.profile(sampleResults));
    const whole = rows.find(([name]) => name === "**whole step**");
    const parts = rows.slice(0, rows.indexOf(whole));
    for (const column of [1, 2]) {
      const sum = parts.reduce((total, row) => total + (Number.parseFloat(row[column]) || 0), 0);
      expect(sum).toBe(Number.parseFloat(whole[column]));
    }
    expect(rows[0]).toEqual(["Composed0", "90 (10)", ""]);
  });
});
