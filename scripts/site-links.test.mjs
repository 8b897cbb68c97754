// The check of the built site must fail where a reader would end nowhere: on small sites, each with one fault.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkSite } from "./lib/site-links.mjs";

let folder;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sitjs-site-"));
  write("index.html", page('<a href="/guide/data.html#names">data</a><a href="/guide/">guides</a>'));
  write("guide/index.html", page('<a href="./data.html">data</a><img src="/picture.png">'));
  write(
    "guide/data.html",
    page('<h2 id="names">Names</h2><a href="#names">#</a><a href="../index.html">up</a>'),
  );
  write("picture.png", "");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the check of the site", () => {
  it("takes a site on which everything is there, also below the root of its host", () => {
    expect(checkSite(folder)).toMatchObject({ problems: [], links: 6 });
    write("index.html", page('<a href="/sitjs/guide/data.html#names">data</a>'));
    write("guide/index.html", page('<img src="/sitjs/picture.png">'));
    expect(checkSite(folder, "/sitjs/").problems).toEqual([]);
  });

  it.each([
    [
      "an anchor of another page",
      '<a href="/guide/data.html#nowhere">x</a>',
      "guide/data.html has no anchor nowhere",
    ],
    ["an anchor of its own page", '<a href="#nowhere">x</a>', "index.html has no anchor nowhere"],
    ["an anchor of a picture", '<a href="/picture.png#a">x</a>', "picture.png is no page"],
    ["a page", '<a href="/guide/none.html">x</a>', "the site has no guide/none.html"],
    ["a folder without a page", '<a href="/none/">x</a>', "the site has no none/index.html"],
    ["a picture", '<img src="/none.png">', "the site has no none.png"],
    ["what is above the site", '<a href="../../x.html">x</a>', "outside of the site"],
    ["an address that is none", '<a href="https://exa mple.org/">x</a>', "no address: https://exa mple.org/"],
  ])("finds a link to %s that is not there", (_, body, message) => {
    write("index.html", page(body));
    const { problems } = checkSite(folder);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^index\.html: /);
    expect(problems[0]).toContain(message);
  });

  it("finds a link past the base, which works at home only", () => {
    write("index.html", page('<a href="/guide/data.html">x</a>'));
    expect(checkSite(folder, "/sitjs/").problems).toContain(
      "index.html: /guide/data.html: outside of /sitjs/",
    );
  });

  it("lists addresses elsewhere with their pages", () => {
    const link = '<a href="https://arxiv.org/abs/2104.03602">x</a>';
    write("index.html", page(link));
    write("guide/index.html", page(link));
    expect([...checkSite(folder).external]).toEqual([
      ["https://arxiv.org/abs/2104.03602", ["guide/index.html", "index.html"]],
    ]);
  });

  it.each([
    [
      "no title",
      "<h2>b</h2>",
      ["expected one heading of the first level, got 0", "a heading of level 2 follows one of level 0"],
    ],
    ["two titles", "<h1>a</h1><h1>b</h1>", ["expected one heading of the first level, got 2"]],
    ["a level left out", "<h1>a</h1><h3>b</h3>", ["a heading of level 3 follows one of level 1"]],
  ])("finds headings out of order: %s", (_, main, problems) => {
    write("index.html", `<main>${main}</main>`);
    expect(checkSite(folder).problems).toEqual(problems.map((problem) => `index.html: ${problem}`));
  });
});

function write(path, text) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function page(body) {
  return `<!doctype html><html><head></head><body><main><h1>Title</h1>${body}</main></body></html>`;
}
