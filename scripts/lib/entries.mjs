// What is published: the packages, and every name that a user can import.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

/**
 * One import specifier of a package, as `@sitjs/core/random`, and the files behind it.
 * @typedef {{ name: string, folder: string, source: string, built: string }} Entry
 */

/**
 * The folders of the packages and of the app that are published, with what their package.json says.
 * @param {string} [from] the repository, or a copy of it
 * @returns {({ name: string, folder: string } & Record<string, any>)[]}
 */
export function publishedPackages(from = root) {
  return ["packages", "apps"]
    .flatMap((parent) => readdirSync(join(from, parent)).map((name) => join(from, parent, name)))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")), folder }))
    .filter((manifest) => !manifest.private);
}

/**
 * The entries of every package and of the app, by their `exports`.
 * @returns {Entry[]}
 */
export function publishedEntries() {
  return publishedPackages().flatMap(({ name, folder, exports }) =>
    Object.entries(exports)
      .filter(([path]) => path !== "./package.json")
      .map(([path, conditions]) => ({
        name: path === "." ? name : `${name}/${path.slice(2)}`,
        folder,
        source: join(folder, conditions["@sitjs/source"]),
        built: join(folder, conditions.default),
      })),
  );
}
