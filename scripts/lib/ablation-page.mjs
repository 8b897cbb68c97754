// The page of `npm run ablate`: docs/results/ablation.md, from what `sit ablate` has written.

/** The data sets that experiments/sit.ts is run on, by the folder of each. */
export const ablations = { "fashion-mnist": "Fashion-MNIST", "cifar-10": "CIFAR-10" };

/** The picture's file in docs/pictures. */
export const pictureName = (name, axis) => `ablation-${name}-${axis}.svg`;

/**
 * What is kept of an ablation: the results of every run, and the settings of the base once.
 *
 * @param name of `ablations`
 * @param summary `ablate.json` of a folder of `sit ablate`
 * @param machine where it was run
 */
export function ablationRecord(name, summary, machine) {
  const { trials, leftOut, command, ...kept } = summary;
  const runs = trials.map(({ folder, seed, seconds, peakMemoryMB, images, result }) => {
    const { pretrain, knn, linear, accuracy } = result;
    return {
      ...{ id: folder.split(/[\\/]/).at(-1), seed, seconds, peakMemoryMB, images, knn, linear },
      accuracy: Object.fromEntries(accuracy.map(({ labels, top1 }) => [labels, top1])),
      pretrain: pretrain && { seconds: pretrain.seconds, imagesPerSecond: pretrain.imagesPerSecond },
    };
  });
  return { name, machine, ...kept, runs };
}

/** Markdown of all records. */
export function ablationPage(records) {
  const [{ settings, seeds, labelsPerClass, bankImages, classes, preset }] = records;
  const labels = labelsPerClass.map((count) => number(count * classes)).join(" and ");
  return `# SiT taken apart

The questions of SiT's paper, asked of a network that two cores train in about a minute: each variant pretrains on the target data alone, with ${seeds.length}
seeds (${seeds.join(", ")}), and is judged in three ways: k-NN and a linear probe on features that have seen no label, both by ${number(bankImages)} labelled images,
and a classifier fine-tuned with ${labels} labels. Numbers are test accuracies, mean ± standard deviation over the seeds. The grid is one file,
[experiments/sit.ts](../../experiments/sit.ts); every run is in [ablation.json](ablation.json).

A finding is **seen here** where the 95 % interval (Student's t) of the difference, seed by seed, lies above zero by one of the measures and below it by
none; **not seen here** where it is the other way round; **undecided within the spread** otherwise. With ${seeds.length} seeds only differences much larger than their
spread are decided. The runs are short and the networks small: a claim that is not seen here may well hold at length and size. Of the
${records.reduce((sum, { findings }) => sum + findings.reduce((own, { measures }) => own + measures.length, 0), 0)} intervals below, about one in twenty leaves zero out by chance alone.

${findingsTable(records)}

The base: ${number(settings.images)} unlabelled images, ${settings.epochs} epochs, batches of ${settings.batchSize}; width ${settings.width}, depth ${settings.depth}, ${settings.heads} heads; preset \`${preset}\` (patches of 7 pixels
of 28 on Fashion-MNIST, 8 of 32 on CIFAR-10: 16 patches); corruption ${settings.corruption}, ${100 * settings.corruptionRatio} % of an image (${100 * settings.replaceRatio} % by replace), blocks with sides of ${100 * settings.blockMinimum} to
${100 * settings.blockMaximum} % of the image's, not aligned; ${settings.reconstruction}, alpha ${settings.alpha}, momentum teacher. What the other settings are: ablation.json.
${records.map(recordSection).join("")}${missing(records)}
Again: \`npm run ablate\` (\`-- --only cifar-10\` for one of them); stopped, it goes on where it was. It writes this page, the JSON and the pictures.
`;
}

/** What is still to be run is not passed over. */
function missing(records) {
  const names = Object.keys(ablations).filter((name) => !records.some((record) => record.name === name));
  return names.length === 0 ? "" : `\nNot run yet: ${names.map((name) => ablations[name]).join(", ")}.\n`;
}

const number = (value) => value.toLocaleString("en");
const verdicts = {
  seen: "seen here",
  "not seen": "not seen here",
  undecided: "undecided within the spread",
};

function findingsTable(records) {
  const claims = [...new Set(records.flatMap(({ findings }) => findings.map(({ claim }) => claim)))];
  const head = ["Finding of the paper", ...records.map(({ name }) => ablations[name])];
  const rows = claims.map((claim) => {
    const cells = records.map(({ findings }) => {
      const own = findings.find((finding) => finding.claim === claim);
      return own === undefined ? "" : `${verdicts[own.verdict]}${decided(own)}`;
    });
    const source = records
      .flatMap(({ findings }) => findings)
      .find((finding) => finding.claim === claim)?.source;
    return [source === undefined ? `${claim} (not the paper's)` : claim, ...cells];
  });
  return table(head, rows);
}

/** The measures that decide, with their differences in points. */
function decided({ measures }) {
  const own = measures.filter(({ verdict }) => verdict !== "undecided");
  if (own.length === 0) return "";
  return ` (${own.map(({ measure, difference }) => `${measure} ${signed(difference.mean)}`).join(", ")})`;
}

const signed = (fraction) => `${fraction >= 0 ? "+" : "−"}${Math.abs(100 * fraction).toFixed(1)}`;

function recordSection(record) {
  const { name, dataset, testImages, runs, machine, engine, tensorflow, kernels, axes, findings } = record;
  const hours = runs.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const { cpu, cores, memoryGB, node } = machine;
  return `
## ${ablations[name]}
${axes.map((axis) => axisSection(name, axis)).join("")}
### What is behind the findings on ${ablations[name]}

Differences in percentage points with their 95 % interval.

${differencesTable(findings)}

- Data: ${dataset}; ${number(testImages)} test images. Command: \`sit ablate experiments/sit.ts --data ${name}\`.
- Machine: ${cpu}, ${cores} cores, ${memoryGB} GB, Node ${node}; engine ${engine}, TensorFlow ${tensorflow}, ${kernels.length} fused kernels; ${hours.toFixed(1)} hours for all ${runs.length} runs, other
  work on the machine at the same time, so seconds are in the JSON only.
`;
}

function axisSection(name, { name: axis, title, question, table: rows }) {
  const labels = rows[0]?.accuracy.map((each) => each.labels) ?? [];
  const head = ["", "k-NN", "linear probe", ...labels.map((count) => `${number(count)} labels`)];
  const cells = rows.map((row) => [
    row.name,
    percent(row.knn),
    percent(row.linear),
    ...row.accuracy.map(percent),
  ]);
  return `
### ${title}

${question === undefined ? "" : `${question}\n\n`}${table(head, cells)}

![${title}: accuracy of each variant on ${ablations[name]}](../pictures/${pictureName(name, axis)})
`;
}

function differencesTable(findings) {
  const measures = [
    ...new Set(findings.flatMap((finding) => finding.measures.map(({ measure }) => measure))),
  ];
  const rows = findings.map(({ claim, measures: own }) => [
    claim,
    ...measures.map((name) => {
      const found = own.find(({ measure }) => measure === name);
      if (found === undefined) return "";
      const { mean, low, high } = found.difference;
      return `${signed(mean)} (${signed(low)} to ${signed(high)})`;
    }),
  ]);
  return table(["", ...measures], rows);
}

const percent = ({ mean, deviation, values }) =>
  values.length > 1
    ? `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} %`
    : `${(100 * mean).toFixed(1)} %`;

const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `|${" --- |".repeat(head.length)}`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
