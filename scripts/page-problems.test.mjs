// What `npm run docs:look` takes for a fault of a page, in Chromium; skipped where there is none.
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "./lib/chromium.mjs";
import { pageProblems } from "./lib/page-problems.mjs";

const executablePath = findChromium();

describe.skipIf(executablePath === undefined)("a page at the width of a phone", () => {
  let browser;
  let tab;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ["--disable-gpu"] });
    tab = await browser.newPage({ viewport: { width: 390, height: 844 } });
  });

  afterAll(() => browser?.close());

  it.each([
    [
      "text",
      "<p>Text that wraps where the page ends, however long it may be, as text does on every page.</p>",
    ],
    [
      "a wide table in a box that scrolls",
      '<div style="overflow-x: auto"><p style="width: 900px">x</p></div>',
    ],
  ])("may have %s", async (_, body) => {
    expect(await problemsOf(body)).toEqual([]);
  });

  it("may not scroll sideways; what is too wide is named", async () => {
    const box = '<div style="overflow-x: auto"><p style="width: 900px">x</p></div>';
    const [problem] = await problemsOf(`${box}<p id="wide" style="width: 900px">x</p>`);
    expect(problem).toMatch(/^scrolls sideways, 9\d\d pixels wide: <p id="wide"/);
  });

  it("may not lack a picture", async () => {
    expect(await problemsOf('<img src="data:image/png;base64,AAAA">')).toEqual([
      "picture not there: data:image/png;base64,AAAA",
    ]);
  });

  async function problemsOf(body) {
    await tab.setContent(`<!doctype html><body>${body}</body>`, { waitUntil: "load" });
    return tab.evaluate(pageProblems);
  }
});
