// Links from a page to files that are no pages (sources, packages' READMEs, JSON) work on GitHub by their path. On the
// site they go to the repository. One whose file is not there stops the build, as a dead link between pages does.
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { MarkdownOptions } from "vitepress";

export const REPOSITORY = "https://github.com/sitjs/sitjs";

const root = resolve(import.meta.dirname, "..", "..");
const docs = join(root, "docs");

export const linksOutside: NonNullable<MarkdownOptions["config"]> = (md) => {
  md.core.ruler.push("links-outside", ({ tokens, env }) => {
    for (const { children } of tokens) {
      for (const token of children ?? []) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (href !== null) token.attrSet("href", siteLink(href, env.realPath ?? env.path));
      }
    }
  });
};

/** The address of a link of `page` on the site: what it was, or the repository's page of the file. */
export function siteLink(href: string, page: string): string {
  if (/^([a-z]+:|#|\/)/i.test(href)) return href;
  const [, path = "", hash = ""] = /^([^#]*)(#.*)?$/.exec(href) ?? [];
  const target = resolve(dirname(page), decodeURI(path));
  const isPage = target.startsWith(docs + sep) && target.endsWith(".md");
  if (isPage) return href; // vitepress looks whether it is there
  const inRepository = relative(root, target).split(sep).join("/");
  if (!existsSync(target)) {
    throw new Error(`${relative(root, page)}: dead link to ${href}: the repository has no ${inRepository}`);
  }
  const kind = statSync(target).isDirectory() ? "tree" : "blob";
  return `${REPOSITORY}/${kind}/main/${encodeURI(inRepository)}${hash}`;
}
