// The API reference of the docs site: one page for each entry of a package, made by typedoc from the docstrings.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { Application, Comment, ReflectionKind } from "typedoc";
import { publishedEntries } from "./entries.mjs";
import { root } from "./steps.mjs";

const REPOSITORY = "https://github.com/sitjs/sitjs/blob/main";

/** Where the pages go: git ignores it. */
export const apiFolder = join(root, "docs", "api");

/**
 * Writes the pages anew.
 * @returns {Promise<string[]>} the entries' names
 */
export async function writeApiPages() {
  const entries = publishedEntries();
  const folder = mkdtempSync(join(tmpdir(), "sitjs-api-"));
  const pages = join(folder, "pages");
  try {
    const app = await Application.bootstrapWithPlugins({
      plugin: ["typedoc-plugin-markdown"],
      entryPoints: entries.map(({ source }) => source),
      tsconfig: writeProject(folder),
      // The sources are type-checked elsewhere.
      skipErrorChecking: true,
      excludePrivate: true,
      excludeInternal: true,
      excludeExternals: true,
      disableGit: true,
      basePath: root,
      sourceLinkTemplate: `${REPOSITORY}/{path}#L{line}`,
      readme: "none",
      name: "API",
      logLevel: "Error",
      outputs: [{ name: "markdown", path: pages }],
      // A name that no entry exports is shown without a link.
      validation: { notExported: false, invalidLink: false, notDocumented: false },
      .../** @type {any} */ (markdownOptions),
    });
    const project = await app.convert();
    if (project === undefined) throw new Error("typedoc could not read the packages' sources");
    introduceEntries(project, entries);
    nameOptions(project);
    await app.generateOutputs(project);
    if (app.logger.hasErrors()) throw new Error("typedoc reported errors");
    rmSync(apiFolder, { recursive: true, force: true });
    mkdirSync(dirname(apiFolder), { recursive: true });
    cpSync(pages, apiFolder, { recursive: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return entries.map(({ name }) => name);
}

const markdownOptions = {
  outputFileStrategy: "modules",
  entryFileName: "index",
  excludeScopesInPaths: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  propertyMembersFormat: "table",
  // What one calls, before what one gives it.
  groupOrder: ["Functions", "Classes", "Variables", "Interfaces", "Type Aliases"],
  // The anchors that links within the pages use; those that VitePress makes of headings differ where two are alike.
  useHTMLAnchors: true,
  // Nearly all properties are read-only, and a line above says where the whole is defined.
  tableColumnSettings: { hideModifiers: true, hideSources: true },
  // Vue would take angle and curly brackets in a docstring for its own.
  sanitizeComments: true,
  useHTMLEncodedBrackets: true,
  pageTitleTemplates: { index: "API", module: "{name}" },
};

/** A project of the sources alone, without their tests. */
function writeProject(folder) {
  const path = join(folder, "tsconfig.json");
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules", "@types")] },
    include: [`${root}/packages/*/src/**/*.ts`, `${root}/apps/*/src/**/*.ts`],
    exclude: [`${root}/**/*.test.ts`],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** typedoc names an entry by its file; users know it by what they import. And each page says what its package is for. */
function introduceEntries(project, entries) {
  const byFile = new Map(entries.map((entry) => [relative(root, entry.source).replaceAll("\\", "/"), entry]));
  for (const child of project.children ?? []) {
    const file = child.sources?.[0]?.fullFileName;
    const entry = file && byFile.get(relative(root, file).replaceAll("\\", "/"));
    if (entry === undefined)
      throw new Error(`typedoc gave a page for ${child.name}, which is no entry of a package`);
    child.name = entry.name;
    child.comment = new Comment([{ kind: "text", text: introduction(entry) }]);
  }
}

function introduction({ folder }) {
  const { name, description } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const readme = `${REPOSITORY}/${relative(root, folder).replaceAll("\\", "/")}/README.md`;
  return `${description}. Installation and an example: [${name}](${readme}).`;
}

/** Options that a function takes apart in its head have no name there. */
function nameOptions(project) {
  for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
    if (parameter.name === "__namedParameters") parameter.name = "options";
  }
}
