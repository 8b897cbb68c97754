// What is wrong in the built HTML of a site, as readers of it would find: links that lead nowhere, pictures and styles that are
// not there, headings out of order. No browser and no network.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { parseHTML } from "linkedom";
import { sitePages } from "./site.mjs";

/**
 * @param {string} folder of the built site
 * @param {string} base the address that the site is built for, with "/" at both ends
 * @returns {{ problems: string[], external: Map<string, string[]>, links: number }} what is wrong, each with its page; the
 *   addresses elsewhere with the pages that name them; how many links and sources were looked at
 */
export function checkSite(folder, base = "/") {
  const pages = new Map(sitePages(folder).map((path) => [path, readPage(join(folder, path))]));
  const problems = [];
  const external = new Map();
  let links = 0;
  for (const [path, page] of pages) {
    // VitePress's own.
    if (path !== "404.html") {
      problems.push(...headingProblems(page.headings).map((problem) => `${path}: ${problem}`));
    }
    for (const address of page.addresses) {
      links++;
      if (/^(data|mailto):/i.test(address)) continue;
      if (/^([a-z]+:)?\/\//i.test(address)) {
        if (!URL.canParse(address, "https://example.org")) problems.push(`${path}: no address: ${address}`);
        else external.set(address, [...(external.get(address) ?? []), path]);
        continue;
      }
      const problem = localProblem(address, path, { folder, base, pages });
      if (problem !== undefined) problems.push(`${path}: ${address}: ${problem}`);
    }
  }
  return { problems, external, links };
}

/** The anchors, addresses and headings of one page. */
function readPage(file) {
  const { document } = parseHTML(readFileSync(file, "utf8"));
  const values = (name) =>
    Array.from(document.querySelectorAll(`[${name}]`)).map((element) => element.getAttribute(name));
  return {
    ids: new Set(values("id")),
    addresses: new Set([...values("href"), ...values("src")]),
    headings: Array.from(document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")).map(({ localName }) =>
      Number(localName[1]),
    ),
  };
}

function localProblem(address, path, { folder, base, pages }) {
  const [, before = "", query, fragment] = /^([^?#]*)(\?[^#]*)?(?:#(.*))?$/.exec(address) ?? [];
  if (before.startsWith("/") && !before.startsWith(base)) return `outside of ${base}`;
  const target = targetPath(before, path, base);
  if (target.startsWith("..")) return "outside of the site";
  const file = join(folder, target);
  if (!existsSync(file) || !statSync(file).isFile()) return `the site has no ${target}`;
  if (!fragment || query !== undefined) return undefined;
  const ids = pages.get(target)?.ids;
  if (ids === undefined) return `${target} is no page, so it has no anchors`;
  return ids.has(decodeURIComponent(fragment)) ? undefined : `${target} has no anchor ${fragment}`;
}

/** The file of a link of a page, as a path in the site's folder. */
function targetPath(before, path, base) {
  if (before === "") return path;
  const decoded = decodeURIComponent(before);
  const inSite = decoded.startsWith("/")
    ? decoded.slice(base.length)
    : posix.join(posix.dirname(path), decoded);
  return inSite === "" || inSite.endsWith("/") ? `${inSite}index.html` : inSite;
}

/** One heading of the first level, first, and no level left out on the way down. */
function headingProblems(levels) {
  const problems = [];
  const titles = levels.filter((level) => level === 1).length;
  if (titles !== 1) problems.push(`expected one heading of the first level, got ${titles}`);
  for (const [i, level] of levels.entries()) {
    const above = levels[i - 1] ?? 0;
    if (level > above + 1) problems.push(`a heading of level ${level} follows one of level ${above}`);
  }
  return problems;
}
