// Links of the docs' Markdown files to what is no page, as the site makes them.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY, siteLink } from "../docs/.vitepress/links.js";
import { page, pages } from "../docs/.vitepress/pages.js";
import { root } from "./lib/steps.mjs";

const from = (path) => join(root, "docs", path);

describe("a link of a page on the site", () => {
  it.each([
    "https://arxiv.org/abs/2104.03602",
    "mailto:a@example.org",
    "#settings",
    "/guide/data",
    "methods/sit.md#settings",
  ])("stays as it is: %s", (href) => expect(siteLink(href, from("index.md"))).toBe(href));

  it("leads to the repository where its file is no page", () => {
    expect(siteLink("../packages/vit/README.md", from("index.md"))).toBe(
      `${REPOSITORY}/blob/main/packages/vit/README.md`,
    );
    expect(siteLink("../../fixtures", from("methods/sit.md"))).toBe(`${REPOSITORY}/tree/main/fixtures`);
    expect(siteLink("../../packages/core/src/module.ts#L3", from("guide/data.md"))).toBe(
      `${REPOSITORY}/blob/main/packages/core/src/module.ts#L3`,
    );
  });

  it("stops the build where the repository has no such file, naming page and link", () => {
    expect(() => siteLink("../packages/none.ts", from("start.md"))).toThrow(
      "docs/start.md: dead link to ../packages/none.ts: the repository has no packages/none.ts",
    );
  });
});

describe("the sidebar's pages", () => {
  it("takes titles from the first headings", () => {
    expect(page("start")).toEqual({ text: "Start", link: "/start" });
    expect(page("methods/index", "All")).toEqual({ text: "All", link: "/methods/" });
  });

  it("lists every page of a folder but its index, the named ones first, the others by name", () => {
    const links = pages("methods", ["sit", "gmml"]).map(({ link }) => link);
    expect(links.slice(0, 3)).toEqual(["/methods/sit", "/methods/gmml", "/methods/colorization"]);
    expect(links).not.toContain("/methods/");
    expect(new Set(links).size).toBe(links.length);
  });

  it("refuses a name that the folder lacks", () => {
    expect(() => pages("methods", ["sit", "none"])).toThrow("pages that docs/methods lacks: none");
  });
});
