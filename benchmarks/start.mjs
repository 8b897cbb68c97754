// How long a start takes: the command line, and the import of each package beyond tfjs itself. Every figure is of
// fresh processes, in turn with the other side. Alone: node benchmarks/start.mjs [--quick]
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { publishedEntries } from "../scripts/lib/entries.mjs";
import { cli } from "../scripts/lib/prepare.mjs";
import { root } from "../scripts/lib/steps.mjs";
import { freshModule, freshProcess } from "./lib/fresh-process.mjs";
import { spread } from "./lib/statistics.mjs";

/** @typedef {import("./lib/fresh-process.mjs").Cost} Cost */
/** @typedef {ReturnType<typeof spread>} Spread milliseconds */
/** @typedef {{ wall: Spread, user: Spread }} Costs */

export const name = "start";

/** In milliseconds of wall time. */
const targets = { help: 300, import: 150 };

/**
 * Measures commands and imports in fresh processes.
 * @param {{ log?: (line: string) => void, quick?: boolean }} options `quick`: 3 rounds instead of 7
 * @returns {Promise<{ results: object, lines: string[] }>} times in milliseconds
 */
export async function run({ log = () => undefined, quick = false }) {
  const rounds = quick ? 3 : 7;
  const entries = publishedEntries();
  const missing = [...entries.map(({ built }) => built), cli].find((file) => !existsSync(file));
  if (missing !== undefined) {
    throw new Error(`${relative(root, missing)}: expected a built file, got none; npm run build makes it`);
  }
  log("command line");
  const commands = measureCommands(rounds);
  const imports = entries.map((entry) => {
    log(`import of ${entry.name}`);
    return { entry: entry.name, ...measureImport(entry.name, rounds) };
  });
  const results = { rounds, targets, commands, imports };
  return { results, lines: table(results) };
}

/** Bare Node, `sit --help` and `sit doctor`, in turn. */
function measureCommands(rounds) {
  /** @type {Record<string, () => Cost>} */
  const work = {
    "node alone": () => freshModule(""),
    "sit --help": () => freshProcess([cli, "--help"]),
    "sit doctor": () => freshProcess([cli, "doctor"]),
  };
  const measured = inTurn(Object.values(work), rounds);
  return Object.keys(work).map((command, i) => ({ command, ...spreads(measured[i]) }));
}

/** What the import of a package adds to the import of tfjs. @returns {Costs} */
function measureImport(entry, rounds) {
  const tfjs = 'import "@tensorflow/tfjs";';
  const [without, with_] = inTurn(
    [() => freshModule(tfjs), () => freshModule(`${tfjs} import ${JSON.stringify(entry)};`)],
    rounds,
  );
  const beyond = with_.map((cost, i) => ({
    wall: cost.wall - without[i].wall,
    user: cost.user - without[i].user,
  }));
  return spreads(beyond);
}

/**
 * Each work once a round; a first round, which brings the files into memory, is left out.
 * @param {(() => Cost)[]} work
 * @returns {Cost[][]} by work, then by round
 */
function inTurn(work, rounds) {
  for (const each of work) each();
  const costs = work.map(() => /** @type {Cost[]} */ ([]));
  for (let round = 0; round < rounds; round++) {
    for (const [i, each] of work.entries()) costs[i].push(each());
  }
  return costs;
}

/** @param {Cost[]} costs @returns {Costs} */
const spreads = (costs) => ({
  wall: spread(costs.map(({ wall }) => wall)),
  user: spread(costs.map(({ user }) => user)),
});

function table({ rounds, commands, imports }) {
  const width = Math.max(...imports.map(({ entry }) => entry.length));
  const row = (label, { wall, user }, verdict = "") =>
    `${label.padEnd(width)} ${cell(wall)} ${cell(user)} ${verdict}`.trimEnd();
  const verdict = (median, target) => `${median < target ? "under" : "NOT under"} ${target}`;
  return [
    `Starting, ms: median (least to most) of ${rounds} rounds`,
    `${"".padEnd(width)} ${"wall".padEnd(24)} user`,
    ...commands.map((each) =>
      row(each.command, each, each.command === "sit --help" ? verdict(each.wall.median, targets.help) : ""),
    ),
    "import beyond that of @tensorflow/tfjs",
    ...imports.map((each) => row(each.entry, each, verdict(each.wall.median, targets.import))),
  ];
}

/** @param {Spread} spread */
function cell({ median, minimum, maximum }) {
  const range = `(${Math.round(minimum)} to ${Math.round(maximum)})`;
  return `${String(Math.round(median)).padStart(5)} ${range}`.padEnd(24);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
    const { lines } = await run({ ...values, log: (line) => process.stderr.write(`${line}\n`) });
    console.log(lines.join("\n"));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
