import { curveChart } from "../../figures/curves.js";
import { pngFileUrl } from "../../figures/png.js";
import type { ReportData, ReportLook } from "../data.js";
import { type Html, html, trusted } from "../html.js";
import { type Section, section } from "./section.js";

interface Panel {
  readonly title: string;
  readonly color: string;
  readonly percent?: boolean;
  value(look: ReportLook): number | undefined;
}

const PANELS: readonly Panel[] = [
  { title: "k-NN on training images", color: "var(--accent)", percent: true, value: (look) => look.knn },
  { title: "Deviation of the embeddings", color: "var(--accent-2)", value: (look) => look.deviation },
  {
    title: "Effective rank of the embeddings",
    color: "var(--accent-2)",
    value: (look) => look.effectiveRank,
  },
];

/** What was looked at during pretraining: neighbours, collapse, and reconstructions over time. */
export function watchingSection({ watching }: ReportData): Section | undefined {
  const { looks = [], pictures = [] } = watching ?? {};
  if (looks.length === 0 && pictures.length === 0) return undefined;
  const how = `Looks at the network while it learned, at a small sample of the training images and at no test image.
Deviation is 1 where embeddings point everywhere alike and 0 where all images have the same; the effective rank says in how
many directions they spread. Both near their least is a collapse.`;
  const panels = PANELS.filter(({ value }) => looks.some((look) => value(look) !== undefined));
  return section(
    "watching",
    "While it learned",
    how,
    html`<div class="columns">${panels.map((panel) => figure(panel, looks))}</div>${strip(pictures)}`,
  );
}

function figure({ title, color, percent, value }: Panel, looks: readonly ReportLook[]): Html {
  const points = looks.map((look) => ({ x: look.epoch, y: value(look) ?? Number.NaN }));
  const chart = curveChart({
    description: `${title} by epoch`,
    xLabel: "epoch",
    yLabel: "",
    curves: [{ color, points: points.filter(({ y }) => Number.isFinite(y)) }],
    fromZero: true,
    ...(percent && { yFormat: "%" }),
  });
  return html`<figure><h3>${title}</h3>${trusted(chart)}</figure>`;
}

function strip(pictures: NonNullable<NonNullable<ReportData["watching"]>["pictures"]>): Html | undefined {
  if (pictures.length === 0) return undefined;
  const each = pictures.map(
    ({ epoch, png }) =>
      html`<figure><figcaption class="caption">After epoch ${epoch}</figcaption><img src="${pngFileUrl(png)}"
alt="corrupted images, reconstructions and clean images after epoch ${epoch}"></figure>`,
  );
  return html`<h3>Reconstructions over time</h3><p class="caption">From the top: what the network was given, what it made
of it, the image.</p><div class="strip">${each}</div>`;
}
