import type { ReportData } from "./data.js";
import { html, trusted } from "./html.js";
import { ablationSection } from "./sections/ablation.js";
import { comparisonSection } from "./sections/comparison.js";
import { runSection, settingsSection } from "./sections/facts.js";
import { fewShotSection } from "./sections/few-shot.js";
import { head } from "./sections/head.js";
import { learningSection } from "./sections/learning.js";
import { leftOutSection } from "./sections/left-out.js";
import { linearSection } from "./sections/linear.js";
import { mistakesSection } from "./sections/mistakes.js";
import { multiLabelSection } from "./sections/multi-label.js";
import { embeddingSection, reconstructionSection } from "./sections/pictures.js";
import { accuracySection, knnSection } from "./sections/results.js";
import { STYLE } from "./style.js";

/** What the browser may use: the style and the pictures that are in the page. Nothing is loaded, no script runs. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The report's page of data that were checked. */
export function reportPage(data: ReportData): string {
  const sections = [
    ablationSection(data),
    comparisonSection(data),
    accuracySection(data),
    multiLabelSection(data),
    knnSection(data),
    linearSection(data),
    fewShotSection(data),
    mistakesSection(data),
    embeddingSection(data),
    reconstructionSection(data),
    learningSection(data),
    leftOutSection(data),
    runSection(data),
    settingsSection(data),
  ].filter((part) => part !== undefined);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${data.title ?? "SiT report"}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${head(data, sections)}
<main>${sections.map((part) => part.content)}</main>
<footer><p>SiT: <a href="https://arxiv.org/abs/2104.03602">Self-supervised vision Transformer</a> (Atito, Awais,
Kittler 2021). Made with @sitjs/eval.</p></footer>
</body>
</html>
`;
  return page.markup;
}
