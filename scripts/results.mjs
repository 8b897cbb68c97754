// npm run results: the demo's experiment, longer and with three seeds, for docs/results. Under an hour on 2 cores.
// npm run results -- --from FOLDER writes the page again from a finished run.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { build, cli, install, installEngine } from "./lib/prepare.mjs";
import { checkNode, root, runNode } from "./lib/steps.mjs";

checkNode();
const args = process.argv.slice(2);
const from = args[0] === "--from" ? args[1] : undefined;
const folder = from ?? join(root, "runs", "long");
if (from === undefined) {
  await install();
  await build();
  await installEngine();
  const { code } = await runNode(cli, [
    "demo",
    "--preset",
    "long",
    "--seeds",
    "0,1,2",
    "--out",
    folder,
    ...args,
  ]);
  if (code !== 0) process.exit(code);
}

const results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
};
mkdirSync(join(root, "docs", "results"), { recursive: true });
const target = join(root, "docs", "results", "fashion-mnist");
writeFileSync(
  `${target}.json`,
  `${JSON.stringify({ machine, ...results, command: "npm run results" }, null, 2)}\n`,
);
writeFileSync(`${target}.md`, page(results, machine));
const readme = join(root, "README.md");
const marked = /(<!-- results -->\n).*?(<!-- \/results -->)/s;
const shown = `$1\n${table(results)}\n\nMean ± deviation over ${results.seeds.length} seeds, ${Math.round(results.seconds.mean / 60)} minutes each: \`npm run results\`, [details](docs/results/fashion-mnist.md).\n\n$2`;
writeFileSync(readme, readFileSync(readme, "utf8").replace(marked, shown));
console.log(`Wrote ${target}.json, ${target}.md and the table in README.md`);

function table({ accuracy, knn, runs }) {
  const percent = ({ mean, deviation }) => `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} %`;
  const rows = Object.entries(accuracy).map(
    ([labels, { scratch, pretrained, gain }]) =>
      `| ${Number(labels).toLocaleString("en")} labels, fine-tuned | ${percent(scratch)} | ${percent(pretrained)} | ${percent(gain).replace("%", "points")} |`,
  );
  return `| | from scratch (k-NN: before) | pretrained by SiT (k-NN: after) | gain |
| --- | --- | --- | --- |
${rows.join("\n")}
| k-NN (k ${runs[0].settings.neighbours}, no labels in training) | ${percent(knn.before)} | ${percent(knn.after)} | |`;
}

function page(results, { cpu, cores, memoryGB, node }) {
  const { runs, seeds, seconds } = results;
  const [run] = runs;
  const { settings, pretrain } = run;
  const minutes = (value) => (value / 60).toFixed(1);
  return `# Fashion-MNIST

Accuracy on all ${run.testImages.toLocaleString("en")} test images, mean ± standard deviation over the seeds ${seeds.join(", ")};
each seed draws its own network, order, views, corruption and labelled images.

${table(results)}

- Pretraining: ${run.images.toLocaleString("en")} training images without labels, ${settings.epochs} epochs, batches of ${settings.batchSize},
  width ${settings.width}, depth ${settings.depth}, ${settings.heads} heads, patches of ${settings.patchSize} pixels. Every setting is in
  [fashion-mnist.json](fashion-mnist.json).
- Both columns have the same network, labelled images and fine-tuning steps (${settings.finetuneEpochs} epochs). From scratch every
  layer has its whole learning rate; pretrained, lower layers have less (layer decay ${settings.layerDecay}).
- Machine: ${cpu}, ${cores} cores, ${memoryGB} GB, Node ${node}; engine ${run.engine}, TensorFlow ${run.tensorflow}, ${run.kernels.length} fused kernels.
  ${minutes(seconds.mean)} ± ${minutes(seconds.deviation)} minutes a seed, pretraining ${minutes(pretrain.seconds)} minutes at
  ${Math.round(pretrain.imagesPerSecond)} images/s (seed ${run.seed}), peak memory ${Math.max(...runs.map(({ peakMemoryMB }) => peakMemoryMB)).toFixed(0)} MB.
- Again: \`npm run results\`. It writes this page and the JSON.

What was tried on the way, and what did not help: [notes](notes.md).
`;
}
