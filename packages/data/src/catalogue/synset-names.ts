import { existsSync } from "node:fs";
import { readRows } from "./lists.js";

/**
 * Names of WordNet's sets of synonyms: the first of the synonyms that a file gives with each id (`n01443537 goldfish,
 * Carassius auratus`), with the id where two sets begin with the same word; the ids themselves without a file.
 * @throws SitError "bad-file"
 */
export async function synsetNames(ids: readonly string[], ...files: string[]): Promise<string[]> {
  const file = files.find((path) => existsSync(path));
  if (file === undefined) return [...ids];
  const wanted = new Set(ids);
  const words = new Map<string, string>();
  for (const { cells } of await readRows(file, ["id", "synonyms"])) {
    const [id = "", synonyms = ""] = cells;
    if (wanted.has(id)) words.set(id, synonyms.split(",", 1)[0]?.trim() as string);
  }
  const names = ids.map((id) => words.get(id) ?? id);
  const count = new Map<string, number>();
  for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  return names.map((name, i) => (count.get(name) === 1 ? name : `${name} (${ids[i]})`));
}
