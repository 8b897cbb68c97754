import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { sampleResults } from "./lib/sample-results.mjs";
import { pictures } from "./plot.mjs";

const drawn = Object.fromEntries(pictures(sampleResults).map(({ name, svg }) => [name, svg]));

const parse = (svg) => parseHTML(`<!doctype html><body>${svg}</body>`).document;

describe("pictures", () => {
  it("are the same every time and reach for nothing outside", () => {
    expect(Object.keys(drawn)).toEqual(["growth.svg", "performance.svg", "precision.svg"]);
    for (const { name, svg } of pictures(sampleResults)) {
      expect(svg).toBe(drawn[name]);
      expect(svg.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:|url\(|<script|<image/);
      expect(svg).toContain("prefers-color-scheme: dark");
    }
  });

  it("name every colour they use, in light and in dark", () => {
    for (const svg of Object.values(drawn)) {
      const [light, dark] = svg.match(/:root \{[^}]*\}/g);
      for (const [, name] of svg.matchAll(/var\(--(\w+)\)/g)) {
        expect(light).toContain(`--${name}:`);
        expect(dark).toContain(`--${name}:`);
      }
    }
  });

  it("draw bars as long as the ratios", () => {
    const bars = Array.from(parse(drawn["performance.svg"]).querySelectorAll("[aria-label=bar] rect"));
    const widths = bars.map((bar) => Number(bar.getAttribute("width")));
    const [first, second] = sampleResults.rows.map(({ ratio }) => ratio);
    expect(widths).toHaveLength(2);
    expect(widths[0] / widths[1]).toBeCloseTo(first / second, 2);
  });

  it("draw every side and precision in all six panels", () => {
    const lines = parse(drawn["growth.svg"]).querySelectorAll("[aria-label=line]");
    expect(lines).toHaveLength(6 * 4);
    for (const words of ["sitjs float32", "sitjs bfloat16", "PyTorch float32", "PyTorch bfloat16"]) {
      expect(drawn["growth.svg"]).toContain(`>${words}<`);
    }
  });

  it("draw a smoothed line a run in both panels of the precisions", () => {
    const lines = Array.from(parse(drawn["precision.svg"]).querySelectorAll("[aria-label=line] path"));
    expect(lines).toHaveLength(2 * 2);
    // 40 steps, means of 5: 36 points.
    for (const line of lines) expect(line.getAttribute("d").match(/[ML]/g)).toHaveLength(36);
  });

  it("leave out what was not measured", () => {
    expect(pictures({})).toEqual([]);
  });
});
