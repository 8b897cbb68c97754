import { printable } from "@sitjs/core/errors";
import { classBars } from "../../figures/class-bars.js";
import { heatMap } from "../../figures/heat-map.js";
import { classAccuracies, confusedPairs } from "../../mistakes.js";
import type { ReportData, ReportMistake, ReportMistakes } from "../data.js";
import { count, percent } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { image } from "./picture.js";
import { type Section, section } from "./section.js";

/** With more classes the cells would be too small to see; then the pairs that are confused most are told alone. */
const MOST_DRAWN = 40;
const PAIRS = 10;
const WORST_CLASSES = 20;

/** Where a classifier errs: which classes it takes for which, how each class fares, and its worst mistakes. */
export function mistakesSection(data: ReportData): Section | undefined {
  const shown = data.mistakes?.filter(({ confusion }) => confusion.some((row) => row.some(Boolean))) ?? [];
  if (shown.length === 0) return undefined;
  const how = `Rows of the square are the true classes, columns what the images were taken for; a cell is as dark as its share
of the row. What is off the diagonal is wrong.`;
  const classes = data.dataset?.classes ?? [];
  const name = (label: number) => classes[label] ?? `class ${label}`;
  return section("mistakes", "Where it errs", how, html`${shown.map((one) => mistakes(one, name))}`);
}

type NameOf = (label: number) => string;

function mistakes({ title, confusion, worst = [] }: ReportMistakes, name: NameOf): Html {
  const drawn = confusion.length <= MOST_DRAWN;
  const names = confusion.map((_, label) => name(label));
  const total = confusion.flat().reduce((a, b) => a + b, 0);
  const right = confusion.reduce((sum, row, label) => sum + (row[label] as number), 0);
  const description = `Confusion matrix of ${count(total)} images: ${count(right)} right. Most confused: ${
    confusedPairs(confusion)
      .slice(0, 3)
      .map((pair) => `${name(pair.label)} taken for ${name(pair.predicted)} ${pair.images} times`)
      .join("; ") || "none"
  }`;
  return html`<h3>${title}: ${percent(right / total)} of ${count(total)} images right</h3><div class="columns">${
    drawn
      ? html`<figure>${trusted(
          heatMap({ description, counts: confusion, names, rowLabel: "true", columnLabel: "taken for" }),
        )}</figure>`
      : undefined
  }<div>${classTable(confusion, names, right / total, drawn)}${pairTable(confusion, name)}</div></div>${worstPictures(
    worst,
    name,
  )}`;
}

function classTable(
  confusion: ReportMistakes["confusion"],
  names: readonly string[],
  mean: number,
  all: boolean,
): Html {
  const accuracies = classAccuracies(confusion);
  const bars = accuracies.map(({ label, accuracy }) => ({ name: names[label] as string, value: accuracy }));
  const known = bars.filter(({ value }) => value !== null);
  const shown = all
    ? bars
    : known.toSorted((a, b) => (a.value as number) - (b.value as number)).slice(0, WORST_CLASSES);
  const description = `Accuracy by class: ${shown
    .map(({ name, value }) => `${name} ${value === null ? "no images" : percent(value)}`)
    .join(", ")}`;
  return html`<figure>${trusted(classBars({ description, bars: shown, mean }))}<figcaption class="caption">${
    all ? "" : `The ${shown.length} classes of lowest accuracy. `
  }Share of each class's images that are recognised; dashed: of all images.</figcaption></figure>`;
}

function pairTable(confusion: ReportMistakes["confusion"], name: NameOf): Html | undefined {
  const pairs = confusedPairs(confusion).slice(0, PAIRS);
  if (pairs.length === 0) return undefined;
  return html`<details><summary>What is confused most</summary><div class="scroll"><table><thead><tr><th
scope="col">Class</th><th scope="col">Taken for</th><th scope="col" class="number">Images</th></tr></thead><tbody>${pairs.map(
    ({ label, predicted, images }) =>
      html`<tr><td>${name(label)}</td><td>${name(predicted)}</td><td class="number">${count(images)}</td></tr>`,
  )}</tbody></table></div></details>`;
}

function worstPictures(worst: readonly ReportMistake[], name: NameOf): Html | undefined {
  if (worst.length === 0) return undefined;
  return html`<h3>The worst mistakes</h3><p class="caption">Images that were given a wrong class with the most confidence.
Some are hard, some have a label that is wrong itself.</p><ul class="mistakes">${worst.map(
    ({ picture, label, predicted, probability, image: path }) => {
      const [is, taken] = [name(label), name(predicted)];
      return html`<li${path === undefined ? undefined : html` title="${printable(path)}"`}>${image(
        picture,
        `${is} taken for ${taken}`,
      )}<span>${is}</span><span class="loss">${taken} ${percent(probability)}</span></li>`;
    },
  )}</ul>`;
}
