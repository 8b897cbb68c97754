// What the packages publish: every name that a user can import.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

/**
 * One import specifier of a package, as `@sitjs/core/random`, and the files behind it.
 * @typedef {{ name: string, folder: string, source: string, built: string }} Entry
 */

/**
 * The entries of every package and of the app, by their `exports`.
 * @returns {Entry[]}
 */
export function publishedEntries() {
  return ["packages", "apps"].flatMap((parent) =>
    readdirSync(join(root, parent))
      .map((name) => join(root, parent, name))
      .filter((folder) => existsSync(join(folder, "package.json")))
      .flatMap(entriesOf),
  );
}

/** @returns {Entry[]} */
function entriesOf(folder) {
  const { name, exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([path]) => path !== "./package.json")
    .map(([path, conditions]) => ({
      name: path === "." ? name : `${name}/${path.slice(2)}`,
      folder,
      source: join(folder, conditions["@sitjs/source"]),
      built: join(folder, conditions.default),
    }));
}
