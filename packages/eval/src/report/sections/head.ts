import type { ReportData } from "../data.js";
import { count, duration, gain, moment, percent } from "../format.js";
import { type Html, html } from "../html.js";
import type { Section } from "./section.js";

/** What the run was, its main result in one sentence, the key numbers, warnings, and the list of contents. */
export function head(data: ReportData, sections: readonly Section[]): Html {
  const { dataset, date, seed, warnings = [] } = data;
  const about = [dataset?.name, date && moment(date), seed === undefined ? "" : `seed ${seed}`]
    .filter(Boolean)
    .join(" · ");
  return html`<header>
<h1>${data.title ?? "SiT report"}</h1>
${about ? html`<p class="sub">${about}</p>` : undefined}
${headline(data)}
${warnings.map((warning) => html`<p class="warning" role="note"><strong>Note.</strong> ${warning}</p>`)}
${tiles(data)}
<nav aria-label="Contents">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>`;
}

function headline(data: ReportData): Html | undefined {
  const fewest = data.accuracy
    ?.filter((row) => row.scratch !== undefined && row.pretrained !== undefined)
    .toSorted((a, b) => a.labels - b.labels)[0];
  if (fewest)
    return html`<p class="headline">With ${count(fewest.labels)} labels, pretraining on images without labels took
test accuracy from ${percent(fewest.scratch)} to ${result(fewest.scratch, fewest.pretrained)}
(${gain(fewest.scratch, fewest.pretrained)}).</p>`;
  const { before, after } = data.knn ?? {};
  if (before === undefined || after === undefined) return undefined;
  return html`<p class="headline">Pretraining on images without labels took k-NN accuracy from ${percent(before)} to
${result(before, after)} (${gain(before, after)}).</p>`;
}

function result(from: number | undefined, to: number | undefined): Html {
  const better = from !== undefined && to !== undefined && to >= from;
  return html`<strong class="${better ? "gain" : "loss"}">${percent(to)}</strong>`;
}

function tiles(data: ReportData): Html | undefined {
  const { dataset, engine, pretrain, peakMemoryMB } = data;
  const facts: [string, string][] = [];
  if (dataset) facts.push([count(dataset.images), "images"]);
  if (pretrain) {
    facts.push([count(pretrain.epochs), `epochs, ${count(pretrain.steps)} steps`]);
    facts.push([duration(pretrain.seconds), "of pretraining"]);
    facts.push([count(pretrain.imagesPerSecond), "images per second"]);
  }
  if (peakMemoryMB !== undefined) facts.push([`${count(Math.round(peakMemoryMB))} MB`, "peak memory"]);
  if (engine)
    facts.push([engine.backend ?? engine.name, engine.backend ? `engine: ${engine.name}` : "engine"]);
  if (facts.length === 0) return undefined;
  return html`<div class="tiles">${facts.map(
    ([value, name]) => html`<div class="tile"><b>${value}</b><span>${name}</span></div>`,
  )}</div>`;
}
