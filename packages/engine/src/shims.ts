import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "@sitjs/core/node";

/** Where the application's own tfjs waits for tfjs-node to pick it up. */
export const tfjsSlot = Symbol.for("sitjs.tfjs");

/** Node 23 removed these from `util`; tfjs-node 4.22.0 still calls the first two. */
const utilShim = `"use strict";
const util = require("node:util");
const isType = (type) => (value) => typeof value === type;
module.exports = {
  ...util,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isArray: Array.isArray,
  isNull: (value) => value === null,
  isUndefined: (value) => value === undefined,
  isBoolean: isType("boolean"),
  isNumber: isType("number"),
  isString: isType("string"),
  isSymbol: isType("symbol"),
  isFunction: isType("function"),
  isObject: (value) => value !== null && typeof value === "object",
  isPrimitive: (value) => value === null || (typeof value !== "object" && typeof value !== "function"),
};
`;

const tfjsShim = `"use strict";
// One copy of tfjs: the application's, which @sitjs/engine puts here before it loads tfjs-node.
const tf = globalThis[Symbol.for("sitjs.tfjs")];
if (tf === undefined) throw new Error("load this engine through useEngine of @sitjs/engine");
module.exports = tf;
`;

const preGypShim = `"use strict";
const { dirname, join } = require("node:path");
exports.find = (packageJson) => join(dirname(packageJson), "lib", "napi-v8", "tfjs_binding.node");
`;

/** Saved models need google-protobuf, which this engine has no other use for. */
const protobufShim = `"use strict";
module.exports = new Proxy({}, {
  get() {
    throw new Error("this engine does not read SavedModel files; install @tensorflow/tfjs-node for that");
  },
});
`;

/** tfjs layers draws a progress bar on \`fit\` by default; an engine prints nothing. */
const progressShim = `"use strict";
module.exports = class ProgressBar {
  tick() {}
  interrupt() {}
};
`;

const modules: Record<string, string> = {
  "@tensorflow/tfjs": tfjsShim,
  "@tensorflow/tfjs-core": tfjsShim,
  "@mapbox/node-pre-gyp": preGypShim,
  progress: progressShim,
};

/** Writes the util shim alone and returns its path. */
export async function writeUtilShim(folder: string): Promise<string> {
  const file = join(folder, "util.cjs");
  // Other processes may be reading it.
  await writeFileAtomically(file, utilShim);
  return file;
}

/**
 * Lets an unpacked tfjs-node load without its dependencies: stand-ins beside it in `nodeModules`, and its own
 * calls of `util` sent to a copy that has the removed functions. `node:util` stays as it is for everyone else.
 */
export async function addShims(nodeModules: string, packageDirectory: string): Promise<void> {
  for (const [name, source] of Object.entries(modules)) {
    const folder = join(nodeModules, name);
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "package.json"),
      `${JSON.stringify({ name, version: "0.0.0", main: "index.cjs" })}\n`,
    );
    await writeFile(join(folder, "index.cjs"), source);
  }
  await writeUtilShim(join(nodeModules, "sitjs-util"));
  const dist = join(packageDirectory, "dist");
  await writeFile(join(dist, "proto", "api_pb.js"), protobufShim);
  for (const name of await readdir(dist, { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const file = join(dist, name);
    const source = await readFile(file, "utf8");
    const changed = source.replaceAll(/require\((["'])(?:node:)?util\1\)/g, 'require("sitjs-util/util.cjs")');
    if (changed !== source) await writeFile(file, changed);
  }
  await mkdir(dirname(bindingPath(packageDirectory)), { recursive: true });
}

/** Where tfjs-node's addon is within its package. */
export function bindingPath(packageDirectory: string): string {
  return join(packageDirectory, "lib", "napi-v8", "tfjs_binding.node");
}
