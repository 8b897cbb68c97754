import { curveChart } from "../../figures/curves.js";
import { classColor } from "../../figures/palette.js";
import type { ReportData, ReportFewShot } from "../data.js";
import { count } from "../format.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

/** Accuracy by a few labels of each class, mean and interval over draws. */
export function fewShotSection({ fewShot = [] }: ReportData): Section | undefined {
  if (fewShot.length === 0) return undefined;
  const draws = [...new Set(fewShot.map(({ accuracies }) => accuracies.length))];
  const how = `Test accuracy with a few labelled images of each class, drawn at random ${draws
    .map(count)
    .join(
      " or ",
    )} times: the mean, and the interval in which the mean of all draws lies with 95 % (Student's t).`;
  const names = [...new Set(fewShot.map(({ name }) => name))];
  const shots = [...new Set(fewShot.map((row) => row.shots))].toSorted((a, b) => a - b);
  const curves = names.map((name, index) => ({
    label: name,
    color: classColor(index),
    points: fewShot
      .filter((row) => row.name === name)
      .toSorted((a, b) => a.shots - b.shots)
      .map((row) => ({ x: row.shots, y: row.mean })),
  }));
  const description = `Accuracy by labels of each class. ${fewShot
    .map((row) => `${row.name}, ${row.shots}: ${interval(row)}`)
    .join("; ")}`;
  return section(
    "few-shot",
    "A few labels of each class",
    how,
    html`<div class="columns"><figure>${trusted(
      curveChart({
        description,
        xLabel: "labels of each class",
        yLabel: "test accuracy",
        curves,
        yFormat: "%",
      }),
    )}</figure><div class="scroll">${table(fewShot, names, shots)}</div></div>`,
  );
}

function table(rows: readonly ReportFewShot[], names: readonly string[], shots: readonly number[]): Html {
  return html`<table><thead><tr><th scope="col">Classified by</th>${shots.map(
    (each) => html`<th scope="col" class="number">${count(each)} a class</th>`,
  )}</tr></thead><tbody>${names.map(
    (name) =>
      html`<tr><th scope="row">${name}</th>${shots.map((each) => {
        const row = rows.find((one) => one.name === name && one.shots === each);
        return html`<td class="number">${row === undefined ? "–" : interval(row)}</td>`;
      })}</tr>`,
  )}</tbody></table>`;
}

function interval({ mean, low, high }: ReportFewShot): string {
  return `${(100 * mean).toFixed(1)} ± ${(50 * (high - low)).toFixed(1)} %`;
}
