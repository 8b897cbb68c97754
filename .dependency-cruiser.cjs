/**
 * The import rule: arrows go down this table only. A package may import itself and what its row names;
 * `docs/architecture.md` says why. `scripts/import-rule.test.mjs` shows that each rule catches what it is for.
 */
const may = {
  core: [],
  vit: ["core"],
  masking: ["core"],
  losses: ["core"],
  // A folder with an ONNX file is a pretrained folder: its JSON files are the hub's.
  onnx: ["core", "vit", "hub"],
  // Pixels without tensors: they run in workers, where loading tfjs would cost seconds and memory.
  augment: ["core/src/(random|errors)[.]ts"],
  data: ["core/src/((random|errors|json)[.]ts|node/)", "augment"],
  train: ["core"],
  eval: ["core", "train"],
  engine: ["core"],
  // Weights of other libraries are for the vision transformer, by its options.
  hub: ["core", "vit"],
};
/** What a test may import beside its own package's row: any package's public entry, and the fixtures' loader. */
const test = "(^packages/[^/]+/test/|[.]test[.]ts$)";
const ours = "^(packages|apps)/";
/** The packages that load in a browser. */
const browser = "^packages/(core|vit|masking|losses|augment|train|eval|onnx|hub)/src/";
/** Folders that are published as a Node-only subpath of a package that else loads in a browser. */
const nodeOnly = "^packages/((core|train|onnx|hub)/src/node|eval/src/(node|report|figures))/";

const rows = Object.entries(may).map(([name, allowed]) => ({
  name: `imports-of-${name}`,
  comment: `@sitjs/${name} may import ${["itself", ...allowed].join(", ")}`,
  severity: "error",
  from: { path: `^packages/${name}/`, pathNot: test },
  to: {
    path: `${ours}|^fixtures/`,
    pathNot: [name, ...allowed].map((entry) => `^packages/${entry.includes("/") ? entry : `${entry}/`}`),
  },
}));

module.exports = {
  forbidden: [
    ...rows,
    {
      name: "examples-as-users",
      comment: "an example imports what a user can: packages by their names, and other examples",
      severity: "error",
      from: { path: "^examples/", pathNot: test },
      to: { path: `${ours}|^fixtures/`, dependencyTypes: ["local"], dependencyTypesNot: ["aliased"] },
    },
    {
      name: "no-circular",
      comment: "two files that import each other cannot be read or tested one at a time",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-inside-files",
      comment: "another package is imported by its name, as a user would, never by a path into it",
      severity: "error",
      from: { path: `${ours}([^/]+)/` },
      to: { path: ours, pathNot: `${ours}$2/`, dependencyTypes: ["local"] },
    },
    {
      name: "no-app",
      comment: "only the app knows every package; no package knows the app",
      severity: "error",
      from: { path: "^packages/" },
      to: { path: "^apps/" },
    },
    {
      name: "no-tests-in-code",
      comment: "tests are not published",
      severity: "error",
      from: { path: ours, pathNot: test },
      to: { path: "[.]test[.]ts$" },
    },
    {
      name: "no-node-in-browser-packages",
      comment: "these load in a browser; what needs Node lives in engine, data, the app, or a /node subpath",
      severity: "error",
      from: {
        path: browser,
        pathNot: [test, nodeOnly],
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-node-subpath-in-browser-code",
      comment: "what loads in a browser does not reach into the Node half of its package or of another",
      severity: "error",
      from: { path: browser, pathNot: [test, nodeOnly] },
      to: { path: nodeOnly },
    },
    {
      name: "no-tfjs-in-workers",
      comment: "augment runs in workers and in browsers without tfjs",
      severity: "error",
      from: { path: "^packages/(augment|data)/src/", pathNot: test },
      to: { path: "@tensorflow/" },
    },
    {
      name: "no-unresolvable",
      comment: "every import leads to a file: a path that a package's exports do not name is not public",
      severity: "error",
      from: { path: `${ours}|^examples/` },
      // `/// <reference types="node" />` names types, not a module.
      to: { couldNotResolve: true, pathNot: "^node$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/dist/|/bench/|tsup[.](config|base)[.]ts$" },
    // Type imports count: a type from a package is a dependency on it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    // Packages resolve each other from source, as vitest and tsc do.
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@sitjs/source", "import", "types", "node", "default"],
      extensions: [".ts", ".js", ".mjs", ".json"],
    },
  },
};
