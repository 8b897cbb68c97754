// The pages of a folder, for the sidebar: their titles are their first headings, so that no title is kept twice.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const docs = join(import.meta.dirname, "..");

interface Entry {
  text: string;
  link: string;
}

/** One page by its path in docs, without the ending; `text` in place of its first heading. */
export function page(path: string, text = titleOf(path)): Entry {
  return { text, link: `/${path.replace(/(^|\/)index$/, "$1")}` };
}

/** Every page in and below a folder of docs but its index: those of `first`, in this order, then the others by name. */
export function pages(folder: string, first: string[]): Entry[] {
  const found = readdirSync(join(docs, folder), { recursive: true })
    .map((name) => String(name).replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".md") && name !== "index.md")
    .map((name) => name.slice(0, -".md".length))
    .sort();
  const missing = first.filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`the sidebar names pages that docs/${folder} lacks: ${missing}`);
  const rest = found.filter((name) => !first.includes(name));
  return [...first, ...rest].map((name) => page(`${folder}/${name}`));
}

function titleOf(path: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(join(docs, `${path}.md`), "utf8"))?.[1];
  if (heading === undefined)
    throw new Error(`docs/${path}.md has no heading of the first level to name it by`);
  return heading;
}
