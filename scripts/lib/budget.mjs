// What packages and entries may weigh: budgets, and measured values held against them.

/** The measures in the order of the table: what is written behind a value. */
export const units = {
  tarball: "kB",
  unpacked: "kB",
  browser: "kB minified without tfjs",
  modules: "files loaded at import, without tfjs",
  start: "times the start of its base",
};

/**
 * By the name of a package or an entry: a value for each measure that it has.
 * @typedef {Record<string, Partial<Record<keyof typeof units, number>>>} Weights
 * @typedef {{ name: string, measure: string, value: number, budget: number, share: number }} Row `share`: of the budget
 */

/**
 * A budget a little above what was measured, so that small changes pass and a new library does not. Starts get more
 * room: they vary with the machine.
 */
const allowed = {
  tarball: (value) => Math.ceil(value * 1.1),
  unpacked: (value) => Math.ceil(value * 1.1),
  browser: (value) => Math.ceil(value * 1.1),
  modules: (value) => Math.ceil(value * 1.1) + 2,
  start: (value) => Math.ceil((value * 1.25 + 0.25) * 10) / 10,
};

/** @param {Weights} weights @returns {Weights} */
export function makeBudget(weights) {
  return mapValues(weights, (measures) => mapValues(measures, (value, measure) => allowed[measure](value)));
}

/** @returns {any} */
const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

/**
 * @param {Weights} weights measured
 * @param {Weights} budget
 * @returns {{ rows: Row[], problems: string[] }} a problem for each value above its budget, value without a budget and
 *   budget without a value
 */
export function holdAgainst(weights, budget) {
  const rows = [];
  const problems = [];
  for (const [name, measures] of Object.entries(weights)) {
    for (const [measure, value] of Object.entries(measures)) {
      const limit = budget[name]?.[measure];
      if (limit === undefined) {
        problems.push(`${name}: ${measure} has no budget`);
        continue;
      }
      rows.push({ name, measure, value, budget: limit, share: value / limit });
      // Written this way round, a value that is not a number does not pass.
      if (!(value <= limit))
        problems.push(`${name}: ${measure} expected at most ${limit} ${units[measure]}, got ${value}`);
    }
  }
  for (const [name, measures] of Object.entries(budget)) {
    for (const measure of Object.keys(measures)) {
      if (weights[name]?.[measure] === undefined)
        problems.push(`${name}: has a budget of ${measure}, and no value`);
    }
  }
  return { rows, problems };
}

/** @param {Row[]} rows */
export function formatRows(rows) {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, measure, value, budget, share }) => {
      const [got, most] = [value, budget].map((each) => String(each).padStart(7));
      const percent = `${Math.round(share * 100)} %`.padStart(6);
      return `${name.padEnd(width)}  ${measure.padEnd(8)} ${got} of ${most} ${percent}  ${units[measure]}`;
    })
    .join("\n");
}
