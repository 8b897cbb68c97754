// The tables of docs/performance.md, each from its part of the results.
import { machineLine } from "./machine.mjs";
import { profileRows } from "./profile-table.mjs";

/** Operations of a profile that get a line of their own. */
const OPERATIONS = 6;

/**
 * What goes between the page's markers, by the markers' names; undefined where the results do not have it.
 *
 * @type {Record<string, (results: any) => string | undefined>}
 */
export const blocks = {
  machine: machineBlock,
  steps: ({ rows }) => rows && stepsBlock(rows),
  settings: ({ rows }) => rows && settingsBlock(rows),
  check: ({ check }) => check && checkBlock(check),
  methods: ({ methods }) => methods && methodsBlock(methods),
  profile: ({ profile }) => profile && profileBlock(profile),
  growth: ({ growth }) => growth && growthBlock(growth),
  loader: ({ loader, rows }) => loader && loaderBlock(loader, rows),
  start: ({ start }) => start && startBlock(start),
  precision: ({ precision }) => precision && precisionBlock(precision),
};

/**
 * A Markdown table; the first column to the left, the others right.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function machineBlock({ machine, versions, command, quick }) {
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const rough = quick ? " A quick run: the numbers are rough." : "";
  return `Machine: ${machineLine(machine)}. Versions: ${listed.join(", ")}. By \`${command}\`.${rough}`;
}

function stepsBlock(rows) {
  const head = [
    "workload, precision",
    "sitjs, ms",
    "PyTorch, ms",
    "ratio",
    "to reach",
    "peak MB",
    "products",
    "bound",
  ];
  return markdownTable(
    head,
    rows.map((row) => [
      `${row.workload}, ${row.precision}`,
      range(row.ours, row.oursSpread),
      range(row.peer, row.peerSpread),
      ratio(row),
      toReach(row),
      `${row.oursPeakMB.toFixed(0)} / ${row.peerPeakMB.toFixed(0)}`,
      `${(100 * row.gemmShare).toFixed(0)} %`,
      (row.ratio / row.gemmShare).toFixed(2),
    ]),
  );
}

/** Every setting of PyTorch's that took part, so that one sees what "the fastest" was chosen from. */
function settingsBlock(rows) {
  const times = rows.flatMap((row) =>
    row.settings
      .filter(({ name }) => name.startsWith("PyTorch"))
      .map(({ name, time, peakMB, note, error }) => [
        `${row.workload}, ${name}`,
        time ? range(time.median, time) : "",
        time ? (time.median / row.ours).toFixed(2) : "",
        time ? peakMB.toFixed(0) : "",
        note ?? error?.split("\n")[0] ?? "",
      ]),
  );
  return markdownTable(["workload, setting", "ms", "ratio", "peak MB", ""], times);
}

function checkBlock(checks) {
  return markdownTable(
    ["workload, precision", "steps", "largest relative difference of the loss"],
    checks.map(({ workload, precision, ours, difference }) => [
      `${workload}, ${precision}`,
      String(ours.length),
      difference.toExponential(1),
    ]),
  );
}

function methodsBlock({ settings: { precision, rounds, scenes }, rows }) {
  const tables = Object.entries(scenes).map(([scene, { label }]) => {
    const own = rows.filter((row) => row.scene === scene);
    const head = [label, "views", "ms", `of ${own[0].beside}'s`, "peak MB"];
    const lines = own.map(({ method, views, time, ratio, ratioSpread: { lower, upper }, peakMB }) => [
      method,
      String(views),
      range(time.median, time),
      `**${ratio.toFixed(2)}** (${lower.toFixed(2)} to ${upper.toFixed(2)})`,
      peakMB.toFixed(0),
    ]);
    return markdownTable(head, lines);
  });
  return `${tables.join("\n\n")}\n\nIn ${precision}, median (least to most) of ${rounds} rounds.`;
}

/** For each workload one table, its profiles side by side. */
function profileBlock({ profiles }) {
  const workloads = [...new Set(profiles.map(({ workload }) => workload))];
  return workloads
    .map((workload) => profileColumns(profiles.filter((profile) => profile.workload === workload)))
    .join("\n\n");
}

function profileColumns(profiles) {
  const shown = new Set(
    profiles.flatMap(({ operations }) => operations.slice(0, OPERATIONS).map(({ name }) => name)),
  );
  const cell = (cost) =>
    cost === undefined
      ? ""
      : `${cost.milliseconds.toFixed(0)}${cost.calls > 0 ? ` (${cost.calls.toFixed(0)})` : ""}`;
  const lines = [...shown].map((name) => [
    name,
    ...profiles.map(({ operations }) => cell(operations.find((operation) => operation.name === name))),
  ]);
  const others = profiles.map((profile) => {
    const operations = profile.operations.filter(({ name }) => !shown.has(name));
    return profileRows({ ...profile, operations }, 0);
  });
  // All others, outside of operations, the whole step.
  const last = ["other operations", "outside operations", "**whole step**"];
  const sums = last.map((name, i) => [name, ...others.map((rows) => cell(rows.at(i - last.length)))]);
  const head = profiles.map(({ precision, kernels }) =>
    kernels === "on" ? `fused, ${precision}` : `composed, ${precision}`,
  );
  const peak = ["peak memory, MB", ...profiles.map(({ peakMB }) => peakMB.toFixed(0))];
  return markdownTable([`workload ${profiles[0].workload}: ms (calls)`, ...head], [...lines, ...sums, peak]);
}

function growthBlock({ exponents }) {
  const sides = [...new Set(exponents.map(({ side }) => side))];
  const lines = [...new Set(exponents.map(({ axis, precision }) => `${axis}, ${precision}`))];
  const cell = (line, side, cost) => {
    const found = exponents.find((each) => `${each.axis}, ${each.precision}` === line && each.side === side);
    return found === undefined ? "" : found[cost].toFixed(2);
  };
  return markdownTable(
    ["varied", ...sides.map((side) => `time, ${side}`), ...sides.map((side) => `memory, ${side}`)],
    lines.map((line) => [
      line,
      ...sides.map((side) => cell(line, side, "time")),
      ...sides.map((side) => cell(line, side, "memory")),
    ]),
  );
}

/** Also how long a batch takes beside the quickest step of ours that waits for it, where steps were measured. */
function loaderBlock({ rows, settings }, steps = []) {
  const head = [
    "images",
    "sitjs, images/s",
    "torchvision, images/s",
    "ratio",
    "to reach",
    "a batch, ms",
    "its step, ms",
  ];
  const lines = rows.map((row) => {
    const times = steps.filter(({ workload }) => workload === row.workload).map(({ ours }) => ours);
    return [
      row.label,
      range(row.ours, row.oursSpread),
      `${range(row.peer, row.peerSpread)}, ${row.peerName.replace("torchvision ", "")}`,
      ratio(row),
      toReach(row),
      row.batchMs.toFixed(0),
      times.length > 0 ? `${Math.min(...times).toFixed(0)} (${row.workload})` : "",
    ];
  });
  return `${markdownTable(head, lines)}\n\nTwo SiT views of each image, ${settings.workers} workers on both sides.`;
}

function startBlock({ rounds, targets, commands, imports }) {
  const rows = [
    ...commands.map(({ command, wall }) => [
      `\`${command}\``,
      range(wall.median, wall),
      command === "sit --help" ? String(targets.help) : "",
    ]),
    ...imports.map(({ entry, wall }) => [
      `import \`${entry}\`, beyond tfjs`,
      range(wall.median, wall),
      String(targets.import),
    ]),
  ];
  return `${markdownTable(["", "ms", "to stay under"], rows)}\n\nMedian (least to most) of ${rounds} rounds of fresh processes.`;
}

function precisionBlock({ command, machine, versions, settings, runs, differences }) {
  const { preset, steps, window, neighbours } = settings;
  const [first] = runs;
  const shares = (one) =>
    ["loss", "reconstruction", "contrast"].map((curve) => `${(100 * one[curve]).toFixed(2)} %`);
  const rows = runs.map((run) => {
    const difference = differences.find(({ name }) => name === run.name);
    const last = difference === undefined ? ["", "", ""] : shares(difference);
    return [run.name, ...last, `${(100 * run.knn).toFixed(1)} %`, run.imagesPerSecond.toFixed(0)];
  });
  const head = ["", "loss", "reconstruction", "contrast", "k-NN", "images/s"];
  return `Pretraining of the preset \`${preset}\` on Fashion-MNIST, ${steps} steps, the same seed, images and batches. How far the
losses are from ${first.name}'s, mean over all steps, each smoothed by the mean of ${window} steps; another seed shows what is
no difference that matters. k-NN: top-1 on ${first.testImages.toLocaleString("en")} test images by ${neighbours.toLocaleString("en")} training images.

![Smoothed losses of pretraining in both precisions](pictures/precision.svg)

${markdownTable(head, rows)}

${machineLine(machine)}; Node ${versions.node}, TensorFlow ${versions.tensorflow}. By \`${command}\`.`;
}

/** "**1.62** (1.58 to 1.66)": by medians, and the quartiles of the rounds. */
function ratio({ ratio, ratioSpread: { lower, upper } }) {
  return `**${ratio.toFixed(2)}** (${lower.toFixed(2)} to ${upper.toFixed(2)})`;
}

function toReach({ ratio, target }) {
  return `${target.toFixed(1)}${ratio >= target ? "" : ": missed"}`;
}

/** "152 (148 to 160)". */
function range(middle, { minimum, maximum }) {
  return `${middle.toFixed(0)} (${minimum.toFixed(0)} to ${maximum.toFixed(0)})`;
}
