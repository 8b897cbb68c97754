import type { ReportData, ReportSetting, ReportSettings } from "../data.js";
import { count, duration } from "../format.js";
import { type Html, html } from "../html.js";
import { factTable, type Section, section } from "./section.js";

type Fact = [name: string, value: string];

/** Where it ran, on what, and how long the parts took. */
export function runSection(data: ReportData): Section | undefined {
  const tables: [title: string, rows: Fact[]][] = [
    ["Engine", engineFacts(data)],
    ["Images", datasetFacts(data)],
    ["Time and memory", costFacts(data)],
    ["Machine", entries(data.machine)],
    ["Versions", entries(data.versions)],
  ];
  const shown = tables.filter(([, rows]) => rows.length > 0);
  if (shown.length === 0) return undefined;
  return section(
    "run",
    "Where it ran and what it cost",
    "Times hold for this engine and this machine.",
    html`<div class="columns">${shown.map(([title, rows]) => html`<div><h3>${title}</h3>${factTable(rows)}</div>`)}</div>`,
  );
}

function engineFacts({ engine }: ReportData): Fact[] {
  if (!engine) return [];
  return present([
    ["name", engine.name],
    ["backend", engine.backend],
    ["device", engine.device],
    ["TensorFlow", engine.tensorflow],
    ["cores", engine.cores],
    ["fused kernels", engine.kernels && (engine.kernels.length > 0 ? engine.kernels.join(", ") : "none")],
  ]);
}

function datasetFacts({ dataset }: ReportData): Fact[] {
  if (!dataset) return [];
  const { imageSize, classes } = dataset;
  return present([
    ["data set", dataset.name],
    ["images", dataset.images],
    ["used without labels", dataset.unlabelled],
    ["used with labels", dataset.labelled],
    ["for testing", dataset.test],
    [
      "size",
      imageSize &&
        `${imageSize[0]} x ${imageSize[1]}, ${imageSize[2]} channel${imageSize[2] === 1 ? "" : "s"}`,
    ],
    ["classes", classes && `${classes.length}: ${classes.join(", ")}`],
  ]);
}

function costFacts({ timings = [], peakMemoryMB }: ReportData): Fact[] {
  const memory: Fact[] = peakMemoryMB === undefined ? [] : [["peak memory", `${count(peakMemoryMB)} MB`]];
  return [...timings.map(({ name, seconds }): Fact => [name, duration(seconds)]), ...memory];
}

function present(facts: [string, string | number | undefined][]): Fact[] {
  return facts.flatMap(([name, value]): Fact[] =>
    value === undefined ? [] : [[name, typeof value === "number" ? count(value) : value]],
  );
}

function entries(record: Readonly<Record<string, string | number>> | undefined): Fact[] {
  return Object.entries(record ?? {}).map(([name, value]) => [name, String(value)]);
}

/** Every setting, the seed, and the command that repeats the run. */
export function settingsSection(data: ReportData): Section | undefined {
  const { settings, command, seed } = data;
  const general: Fact[] = seed === undefined ? [] : [["seed", String(seed)]];
  const groups: [string, Fact[]][] = [];
  for (const [name, value] of Object.entries(settings ?? {})) {
    if (isGroup(value)) groups.push([name, flatten(value)]);
    else general.push([name, show(value)]);
  }
  if (general.length > 0) groups.unshift(["general", general]);
  const shown = groups.filter(([, rows]) => rows.length > 0);
  if (shown.length === 0 && !command) return undefined;
  const how = command
    ? "This command repeats the run; the tables hold every setting it used, defaults included."
    : "Every setting of the run, defaults included.";
  return section(
    "settings",
    "Settings, and how to repeat it",
    how,
    html`${command ? html`<pre><code>${command}</code></pre>` : undefined}<div class="columns">${shown.map(
      ([name, rows]): Html => html`<div><h3>${name}</h3>${factTable(rows)}</div>`,
    )}</div>`,
  );
}

function flatten(group: ReportSettings, prefix = ""): Fact[] {
  return Object.entries(group).flatMap(([name, value]): Fact[] =>
    isGroup(value) ? flatten(value, `${prefix}${name}.`) : [[prefix + name, show(value)]],
  );
}

function isGroup(value: ReportSetting): value is ReportSettings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: ReportSetting): string {
  if (value === undefined) return "default";
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}
