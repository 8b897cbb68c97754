// Every name that the packages export is there, by import and by require.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "../steps.mjs";

/** By the kind of module: what loads an entry, in a file of the project. */
const loaders = {
  import: { file: "entries.mjs", load: "await import(name)" },
  require: { file: "entries.cjs", load: "require(name)" },
};

/**
 * Loads every entry in two processes, one by `import` and one by `require`.
 * @param {string} project a folder with the packages installed
 * @param {string[]} entries as "@sitjs/core/random"
 * @param {{ node?: string }} [options] the binary
 * @returns {Promise<string[]>} what is wrong: an entry that does not load, exports nothing, or gives `require` other names
 */
export async function checkEntries(project, entries, { node = process.execPath } = {}) {
  const imported = await loadAll(project, entries, "import", node);
  const required = await loadAll(project, entries, "require", node);
  const problems = [];
  for (const [i, name] of entries.entries()) {
    for (const [kind, { error, names }] of /** @type {const} */ ([
      ["import", imported[i]],
      ["require", required[i]],
    ])) {
      if (error !== undefined) problems.push(`${name}: ${kind} fails: ${error}`);
      else if (names.length === 0) problems.push(`${name}: ${kind} gives nothing`);
    }
    const [a, b] = [imported[i].names?.join(), required[i].names?.join()];
    if (a && b && a !== b) problems.push(`${name}: import gives ${a}; require gives ${b}`);
  }
  return problems;
}

/** @returns {Promise<{ names?: string[], error?: string }[]>} in the order of the entries */
async function loadAll(project, entries, kind, node) {
  const { file, load } = loaders[kind];
  const script = join(project, file);
  // The result has a line of its own: packages may print something while they load.
  writeFileSync(
    script,
    `(async () => {
  const results = [];
  for (const name of ${JSON.stringify(entries)}) {
    try {
      const { default: _, __esModule, "module.exports": whole, ...exported } = ${load};
      results.push({ names: Object.keys(exported).sort() });
    } catch (error) {
      results.push({ error: String(error?.message ?? error).split("\\n")[0] });
    }
  }
  console.log("\\n" + JSON.stringify(results));
})();\n`,
  );
  const { code, output } = await runNode(script, [], { quiet: true, cwd: project, node });
  const last = output
    .split("\n")
    .reverse()
    .find((line) => line.startsWith("[{"));
  if (code === 0 && last !== undefined) return JSON.parse(last);
  const error = `the process ended with ${code}: ${output.trim()}`;
  return entries.map(() => ({ error }));
}
