// The page of `npm run compare`: docs/results/compare.md, from what `sit compare` has written.

/** The comparisons of `npm run compare`, by the folder each is run in: its title, and what `sit compare` is told. */
export const comparisons = {
  "fashion-mnist": { title: "Fashion-MNIST", options: ["--data", "fashion-mnist"] },
  "cifar-10": { title: "CIFAR-10", options: ["--data", "cifar-10"] },
  pretext: {
    title: "The pretext tasks, on CIFAR-10",
    options: [
      ...["--data", "cifar-10", "--seeds", "0", "--methods"],
      [
        ...["scratch", "rotation", "relative-position", "jigsaw", "colorization", "context-encoder"],
        ...["deep-cluster", "deep-infomax", "relational", "gmml-rotation"],
      ].join(","),
    ],
  },
};

/**
 * What is kept of a comparison: results of every run, the settings of each method once.
 *
 * @param name of `comparisons`
 * @param summary `compare.json` of a folder of `sit compare`
 * @param machine where it was run
 */
export function comparisonRecord(name, summary, machine) {
  const { date, engine, tensorflow, kernels, dataset, testImages, preset, methods, seeds, table, trials } =
    summary;
  const settings = Object.fromEntries(
    methods.map((method) => [method, trials.find((trial) => trial.method === method)?.settings]),
  );
  const runs = trials.map(({ method, seed, seconds, peakMemoryMB, images, result }) => {
    const { pretrain, knn, accuracy } = result;
    const cost = pretrain && { seconds: pretrain.seconds, imagesPerSecond: pretrain.imagesPerSecond };
    const accuracies = Object.fromEntries(accuracy.map(({ labels, top1 }) => [labels, top1]));
    return { method, seed, images, seconds, peakMemoryMB, pretrain: cost, knn, accuracy: accuracies };
  });
  return {
    ...{
      name,
      date,
      machine,
      engine,
      tensorflow,
      kernels,
      dataset,
      testImages,
      preset,
      methods,
      seeds,
      table,
      settings,
      runs,
    },
  };
}

/** Markdown of all comparisons. */
export function comparisonPage(records) {
  return `# The methods compared

Each method pretrains the same network on the same images for as many epochs, with its own views, heads and losses; then its
class token is judged by k-NN, and classifiers are fine-tuned with few labels, the same images and steps for all. Each seed draws its own
network, images, views and labels, the same for all methods. Numbers are test accuracies, mean ± standard deviation over the seeds. Time and memory of a step of each
method, in turn in one run: [performance](../performance.md#methods-beside-each-other).

These runs are short: minutes on a processor, where the papers train for days on many graphics cards. They tell what a method gives
for so little, not which is best at length; masked methods are known to need longer than contrastive ones.
Where fine-tuning ends no higher than from scratch, so short a pretraining gave nothing that it could use. Learning rates and the like of
each are in [compare.json](compare.json); \`sit methods <name>\` tells them too. What each method is: [methods](../methods/index.md).
${records.map(section).join("")}
Again: \`npm run compare\` (\`-- --only fashion-mnist\` for one of them); stopped, it goes on where it was. It writes this page, the JSON and
the pictures.
`;
}

function section(record) {
  const { name, dataset, testImages, seeds, table, runs, machine, engine, tensorflow, kernels } = record;
  const { preset, settings } = record;
  const of = Object.values(settings)[0];
  const { cpu, cores, memoryGB, node } = machine;
  const hours = runs.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const images = runs[0]?.images ?? 0;
  const size = `${of.imageSize} x ${of.imageSize} pixels, ${of.channels === 1 ? "grey" : "colour"}`;
  return `
## ${comparisons[name].title}

![Accuracy of each method](../pictures/${pictureName(name)})

${tableOf(table)}

- Data: ${dataset}. ${number(images)} training images without labels (${size}), ${of.epochs} epochs, batches of ${of.batchSize}; ${number(testImages)} test images; ${seedsOf(seeds)}.
- Network: width ${of.width}, depth ${of.depth}, ${of.heads} heads, patches of ${of.patchSize}; preset \`${preset}\`. Fine-tuning: ${fineTuning(of)}, the same for all; from
  scratch every layer has its whole learning rate, pretrained lower layers have less (layer decay ${of.layerDecay}).
- Machine: ${cpu}, ${cores} cores, ${memoryGB} GB, Node ${node}; engine ${engine}, TensorFlow ${tensorflow}, ${kernels.length} fused kernels. ${hours.toFixed(1)} hours for all ${runs.length}
  runs, peak memory ${Math.max(...runs.map(({ peakMemoryMB }) => peakMemoryMB))} MB.
`;
}

/** The picture's file in docs/pictures. */
export const pictureName = (name) => `compare-${name}.svg`;

const seedsOf = (seeds) =>
  seeds.length > 1
    ? `seeds ${seeds.join(", ")}`
    : `one seed, ${seeds[0]}: differences of 2 points may be chance`;

const number = (value) => value.toLocaleString("en");

function fineTuning({ finetuneSteps, finetuneEpochs, finetuneBatchSize }) {
  const length = finetuneSteps > 0 ? `${finetuneSteps} steps` : `${finetuneEpochs} epochs`;
  return `${length}, batches of ${finetuneBatchSize}`;
}

function tableOf(rows) {
  const labels = rows[0]?.accuracy.map((each) => each.labels) ?? [];
  const percent = ({ mean, deviation, values }) =>
    values.length > 1
      ? `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} %`
      : `${(100 * mean).toFixed(1)} %`;
  const lines = rows.map(({ name, knn, accuracy, seconds, imagesPerSecond }) => {
    const cost = seconds === undefined ? ["", ""] : [`${Math.round(seconds)} s`, Math.round(imagesPerSecond)];
    return `| ${[name, percent(knn), ...accuracy.map(percent), ...cost].join(" | ")} |`;
  });
  const head = ["", "k-NN", ...labels.map((count) => `${number(count)} labels`), "pretraining", "images/s"];
  return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...lines].join("\n");
}
