import { expect, it } from "vitest";
import { type ImageProblemKind, summarizeProblems } from "./index.js";

it("counts problems by kind, most first, with the first few names", () => {
  const problem = (path: string, kind: ImageProblemKind) => ({ path, kind, reason: "" });
  const problems = [
    problem("e.jpg", "empty"),
    ...["a", "b", "c\n", "d"].map((name) => problem(`${name}.jpg`, "truncated")),
  ];
  expect(summarizeProblems(problems)).toEqual({
    count: 5,
    kinds: [
      { kind: "truncated", count: 4 },
      { kind: "empty", count: 1 },
    ],
    lines: ["4 truncated: a.jpg, b.jpg, c\\n.jpg, ...", "1 empty: e.jpg"],
  });
  expect(summarizeProblems(problems, { names: 0 }).lines).toEqual(["4 truncated", "1 empty"]);
  expect(summarizeProblems([])).toEqual({ count: 0, kinds: [], lines: [] });
});
