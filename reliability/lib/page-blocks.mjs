// The tables of docs/reliability.md, each from the results of its part.
import { machineLine } from "../../benchmarks/lib/machine.mjs";
import { markdownTable } from "../../benchmarks/lib/page-blocks.mjs";

/**
 * What goes between the page's markers, by the markers' names; undefined where the part has not been run.
 *
 * @type {Record<string, (results: any) => string | undefined>}
 */
export const blocks = {
  machine: machineBlock,
  kill: ({ kill }) => kill && killBlock(kill),
  faults: ({ faults }) => faults && faultsBlock(faults),
  soak: ({ soak }) => soak && soakBlock(soak),
  determinism: ({ determinism }) => determinism && determinismBlock(determinism),
  fuzz: ({ fuzz }) => fuzz && fuzzBlock(fuzz),
};

/** Each part's machine, seed, time and outcome. */
function machineBlock(results) {
  const done = Object.entries(results).filter(([, part]) => part?.machine);
  if (done.length === 0) return undefined;
  const rows = done.map(([name, { outcome, findings, seconds, seed, engine, versions }]) => [
    `\`npm run reliability -- ${name}\``,
    outcome ?? (findings.length === 0 ? "held" : "failed"),
    seconds === undefined ? "" : `${Math.round(seconds)} s`,
    String(seed ?? ""),
    engine === undefined ? "" : `${engine}, TensorFlow ${versions.tensorflow}`,
  ]);
  const machines = [...new Set(done.map(([, { machine }]) => machineLine(machine)))];
  return `${markdownTable(["part", "outcome", "took", "seed", "engine"], rows)}\n\nMachine: ${machines.join("; ")}.`;
}

function killBlock({ data, variants }) {
  const places = [...new Set(variants.flatMap(({ where }) => Object.keys(where)))];
  const table = leftTable(
    ["what the run was doing when it was killed", ...variants.map(({ variant }) => variant)],
    places.map((what) => [what, ...variants.map(({ where }) => String(where[what] ?? 0))]),
  );
  return `${variants.map((one) => killSentence(one, data)).join("\n\n")}\n\n${table}`;
}

const how = (variant) =>
  /^the /.test(variant) ? `By ${variant}` : `${variant[0].toUpperCase()}${variant.slice(1)}`;

function killSentence({ variant, same, kills, runs, steps, workers, writeMs, orphansLookedFor }, data) {
  const checkpoint = writeMs === undefined ? "" : ` (a checkpoint takes ${writeMs} ms to write)`;
  const held = same ?? "parameters, teacher and optimizer";
  const counts = Object.entries(workers).map(([count, lives]) => `${count} in ${lives}`);
  const orphans = orphansLookedFor
    ? "no process was left behind"
    : "processes left behind cannot be seen on this system";
  return `${how(variant)}: **${kills} kills** over ${runs} runs of ${steps} steps on ${data}${checkpoint}. Every run
ended with the ${held} of the undisturbed one, bit for bit. Workers, by lives of a run: ${counts.join(", ")}. After
every kill all checkpoints could be read, the latest one seen was there, and ${orphans}.`;
}

function faultsBlock({ rows, held, faults, skipped }) {
  const cells = rows.map(({ name, outcome, said }) => [name, outcome, `\`${shortened(said)}\``]);
  const left = skipped > 0 ? `, ${skipped} could not be tried` : "";
  return `${held} of ${faults} held${left}.\n\n${leftTable(["fault", "", "what the run says"], cells)}`;
}

/** Of messages with a hash or an identifier, and long ones. */
function shortened(said) {
  const brief = said
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "…")
    .replaceAll(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, "$1…")
    .replaceAll("`", "'")
    .replaceAll("|", "\\|");
  return brief.length > 300 ? `${brief.slice(0, 299)}…` : brief;
}

function leftTable(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function soakBlock({ data, settings, runs }) {
  const { steps, warmup, every, sampleEvery } = settings;
  const both = [runs.oneArena, runs.usual];
  const count = (value) => value.toLocaleString("en");
  const megabytes = (value) => `${value.toFixed(1)} MB`;
  const row = (name, cell) => [name, ...both.map(cell)];
  const pair = ({ afterWarmup, atEnd }) => `${megabytes(afterWarmup)}, ${megabytes(atEnd)}`;
  const range = ({ minimum, maximum }) =>
    minimum === maximum ? String(minimum) : `${minimum} to ${maximum}`;
  const rows = [
    row("resident after a checkpoint, least", ({ saved }) => megabytes(saved.minimum)),
    row("median", ({ saved }) => megabytes(saved.median)),
    row("most", ({ saved }) => megabytes(saved.maximum)),
    row("difference, as a share of the median", ({ saved }) => `${(100 * saved.spread).toFixed(1)} %`),
    row("it may be", ({ flat }) => `${100 * flat} %`),
    row("resident at all looks, least", ({ resident }) => megabytes(resident.minimum)),
    row("most", ({ resident }) => megabytes(resident.maximum)),
    row("peak, after the warm-up and at the end", ({ peakMB }) => pair(peakMB)),
    row("V8's heap, after the warm-up and at the end", ({ heapMB }) => pair(heapMB)),
    row("tensors, at every step", ({ tensors }) => String(tensors)),
    row("open files, at every look", ({ handles }) => String(handles)),
    row("threads", ({ threads }) => range(threads)),
  ];
  return `${count(steps)} steps on ${data} with two worker threads, ${count(steps / every)} checkpoints and ${runs.usual.evaluations} evaluations, in two
environments side by side. A look at the process every ${sampleEvery} steps, after a garbage collection; counted after the first
${count(warmup)} steps.

![Resident memory and V8's heap over the steps](pictures/soak.svg)

${markdownTable(["", "`MALLOC_ARENA_MAX=1`", "usual environment"], rows)}`;
}

function determinismBlock({ steps, groups }) {
  const tables = groups.map(({ name, rows: [first, ...others] }) => {
    const cells = others.map((row) => [row.name, row.equal ? "same" : "**other**"]);
    return `*${name}*, beside ${first.name}:\n\n${leftTable(["", "parameters"], cells)}`;
  });
  return `Parameters, teacher and optimizer after ${steps} steps (fewer of the wider network), each setting in a process of its own.\n\n${tables.join("\n\n")}`;
}

function fuzzBlock({ inputs, accepted, rejected, seconds, findings, targets }) {
  const count = (value) => value.toLocaleString("en");
  const rows = targets.map((target) => [
    target.target,
    count(target.inputs),
    count(target.rejected),
    String(findings.filter((finding) => finding.target === target.target).length),
  ]);
  return `${count(inputs)} inputs in ${Math.round(seconds)} s: ${count(rejected)} refused with the right error, ${count(accepted)} read, ${findings.length} findings.

${markdownTable(["parser", "inputs", "refused", "findings"], rows)}`;
}
