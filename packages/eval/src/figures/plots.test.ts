import { expect, test } from "vitest";
import { barChart } from "./bars.js";
import { thin } from "./curves.js";
import { CLASS_COLORS, CLASS_SYMBOLS, classColor, classSymbol } from "./palette.js";
import { classMark, scatterChart } from "./scatter.js";
import { spreadChart } from "./spread.js";

test("thinning keeps short curves and the mean of long ones", () => {
  const curve = Array.from({ length: 1000 }, (_, i) => ({ x: i, y: i % 2 }));
  expect(thin(curve, 1000)).toBe(curve);
  const thinned = thin(curve, 100);
  expect(thinned).toHaveLength(100);
  expect(thinned.every((point) => point.y === 0.5)).toBe(true);
  expect(thinned[0]?.x).toBe(4.5);
});

test("a bar is as long as its value", () => {
  const svg = barChart({
    description: "two bars",
    bars: [
      { group: "g", name: "a", value: 0.25, color: "red" },
      { group: "g", name: "b", value: 0.5, color: "red" },
    ],
  });
  const widths = [...svg.matchAll(/<rect[^>]*\bwidth="([\d.]+)"/g)].map((match) => Number(match[1]));
  expect(widths).toHaveLength(2);
  expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(2, 2);
});

test("a spread's mark stands at the mean, its line goes one deviation up and down", () => {
  const point = { group: "g", series: "s", mean: 0.5, deviation: 0.1, values: [0.4, 0.6] };
  const svg = spreadChart({ description: "one point", points: [point] });
  const ends =
    svg
      .match(/<line y2="([\d.]+)" y1="([\d.]+)" x2="225"/)
      ?.slice(1, 3)
      .map(Number) ?? [];
  const dots = [...svg.matchAll(/<circle r="([\d.]+)" cy="([\d.]+)" cx="225"/g)].map((match) =>
    Number(match[2]),
  );
  const [first, second, mean] = dots as [number, number, number];
  // The single results lie at the ends of the line, the mean in its middle.
  expect(ends.sort()).toEqual([first, second].sort());
  expect(mean).toBeCloseTo((first + second) / 2);
});

test("as many classes as colours times shapes look different", () => {
  const count = CLASS_COLORS.length * CLASS_SYMBOLS.length;
  const looks = Array.from({ length: count }, (_, i) => `${classColor(i)} ${classSymbol(i)}`);
  expect(new Set(looks).size).toBe(count);
});

test("classes whose middles fall together keep their names apart", () => {
  const points = Array.from({ length: 60 }, (_, i): [number, number, number] => [
    Math.cos(i),
    Math.sin(i * 1.7),
    i % 3,
  ]);
  const svg = scatterChart({ description: "d", points, classes: ["alpha", "beta", "gamma"] });
  const heights = [...svg.matchAll(/<text transform="translate\(([\d.]+),([\d.]+)\)"/g)].map((match) =>
    Number(match[2]),
  );
  expect(heights).toHaveLength(3);
  const sorted = heights.toSorted((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++) expect((sorted[i] ?? 0) - (sorted[i - 1] ?? 0)).toBeGreaterThan(13);
});

test("one point, and a class without a name, can be drawn", () => {
  const svg = scatterChart({ description: "d", points: [[2, 3, 4]], classes: [] });
  expect(svg).toContain("class 4");
  expect(svg).not.toContain("NaN");
  expect(classMark(null)).toContain("var(--muted)");
});
