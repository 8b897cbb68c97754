import { barChart } from "../../figures/bars.js";
import type { ReportClassPrecision, ReportData } from "../data.js";
import { count, percent } from "../format.js";
import { html, trusted } from "../html.js";
import { finetuneCurves } from "./results.js";
import { type Section, section } from "./section.js";

/** So many classes are in the chart; the table has all. */
const SHOWN = 40;
/** So many characters of a name fit beside its bar. */
const NAME = 22;

/** Average precision of each class, where images show several. */
export function multiLabelSection({ multiLabel, dataset, finetune }: ReportData): Section | undefined {
  if (multiLabel === undefined) return undefined;
  const { classes, mean, guessing } = multiLabel;
  const test = dataset?.test === undefined ? "the test images" : `the ${count(dataset.test)} test images`;
  const random = guessing ?? undefined;
  const how = `For each class ${test} are put in order, those first that the network holds most likely to show it. Average
precision is the mean, over the images that do, of the share of right ones down to there: 100 % where all of them come
first. Mean of the classes: ${percent(mean ?? undefined)}${
    random === undefined ? "" : `; an order at random comes to about ${percent(random)}`
  }.`;
  const known = classes.filter(({ averagePrecision }) => Number.isFinite(averagePrecision));
  const best = known.toSorted((a, b) => Number(b.averagePrecision) - Number(a.averagePrecision));
  const shown = best.length <= SHOWN ? best : [...best.slice(0, SHOWN / 2), ...best.slice(-SHOWN / 2)];
  return section(
    "precision",
    "Average precision of each class",
    how,
    html`<div class="columns">${
      shown.length === 0
        ? undefined
        : html`<figure>${trusted(chart(shown, random))}${
            shown.length < known.length
              ? html`<figcaption class="caption">The ${SHOWN / 2} best and the ${SHOWN / 2} worst of
${count(known.length)} classes.</figcaption>`
              : undefined
          }</figure>`
    }<div class="scroll"><table><thead><tr><th scope="col">Class</th><th scope="col" class="number">Average
precision</th><th scope="col" class="number">Test images with it</th><th scope="col" class="number">Their share</th>
</tr></thead><tbody>${classes.map(
      ({ name, averagePrecision, positives, counted }) =>
        html`<tr><th scope="row">${name}</th><td class="number">${percent(
          averagePrecision ?? undefined,
        )}</td><td class="number">${count(positives)}</td><td class="number">${percent(
          counted === 0 ? undefined : positives / counted,
        )}</td></tr>`,
    )}</tbody></table></div></div>${finetuneCurves(finetune ?? [])}`,
  );
}

function chart(classes: readonly ReportClassPrecision[], reference: number | undefined): string {
  const labels = uniqueNames(classes.map(({ name }) => name));
  const spoken = classes.map(
    ({ name, averagePrecision }) => `${name} ${percent(averagePrecision ?? undefined)}`,
  );
  return barChart({
    description: `Bars of average precision by class: ${spoken.join("; ")}`,
    bars: classes.map(({ averagePrecision }, i) => ({
      group: "average precision",
      name: labels[i] as string,
      value: averagePrecision as number,
      color: "var(--accent)",
    })),
    nameWidth: Math.max(96, ...labels.map(({ length }) => 7 * length + 12)),
    ...(reference === undefined ? {} : { reference }),
  });
}

/** Shortened, and told apart where they would be alike: bars of one name would lie on each other. */
function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const characters = [...name];
    const short = characters.length > NAME ? `${characters.slice(0, NAME - 1).join("")}…` : name;
    const before = seen.get(short) ?? 0;
    seen.set(short, before + 1);
    return before === 0 ? short : `${short} (${before + 1})`;
  });
}
