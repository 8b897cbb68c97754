// The loader: images per second with SiT's two views, ours and torchvision's in torch's DataLoader in turn.
// By itself: node benchmarks/loader.mjs [--quick]
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs } from "node:util";
import {
  colorJitter,
  gaussianBlur,
  imageNetStatistics,
  randomHorizontalFlip,
  randomResizedCrop,
  sitViews,
  solarize,
} from "@sitjs/augment";
import { cacheFolder } from "@sitjs/engine";
import { runAsProgram } from "./lib/main.mjs";
import { usedBy } from "./lib/processes.mjs";
import { benchPython } from "./lib/python.mjs";
import { pairedRatios } from "./lib/rows.mjs";
import { startSide } from "./lib/side.mjs";
import { spread } from "./lib/statistics.mjs";
import { photoFolder, smallPhotos } from "./photos.mjs";
import { workloads } from "./workloads.mjs";

export const name = "loader";

/** How much faster ours is to be. */
const TARGET = 1.5;
const folder = dirname(fileURLToPath(import.meta.url));
/** Threads here, processes there. */
const workers = availableParallelism();
/** More batches than either side makes ahead: those that lay ready are not timed. */
const SKIP = 2 * workers + 2;
const backends = ["v1", "v2", "v2 on tensors"];

/**
 * @param {{ python: string, log: (line: string) => void, quick?: boolean, rounds?: number }} options
 * @returns {Promise<{ results: object, lines: string[] }>}
 */
export async function run({ python, log, quick = false, rounds = 7 }) {
  const seconds = quick ? 0.5 : 2;
  const photos = await photoFolder({ log: (line) => log(`  ${line}`) });
  const small = {
    kind: "memory",
    file: await smallPhotos(photos, 32),
    size: 32,
    images: photos.names.length,
  };
  const cases = [
    {
      label: "32 x 32 from memory",
      workload: "C",
      data: small,
      views: sitViews({ size: 32, preset: "small" }),
    },
    {
      label: "224 x 224 from JPEG files",
      workload: "D",
      data: { kind: "files", folder: photos.folder },
      views: sitViews({ size: 224 }),
    },
  ];
  const ours = startSide({
    name: "sitjs loader",
    command: process.execPath,
    args: [join(folder, "sides", "loader.mjs")],
  });
  const peer = startSide({
    name: "torchvision",
    command: python,
    args: ["-B", join(folder, "peers", "loader.py")],
  });
  try {
    const versions = { ...(await ours.ask({ do: "hello" })), ...(await peer.ask({ do: "hello" })) };
    await requireAgreement({ ...small, images: 1 }, { ours, peer });
    const rows = [];
    for (const one of cases) rows.push(await compare(one, { ours, peer, seconds, rounds, log }));
    const { width, height, names, kilobytes } = photos;
    const files = { count: names.length, width, height, kilobytes };
    return { results: { settings: { workers, seconds, files, versions }, rows }, lines: rows.flatMap(lines) };
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
}

/**
 * Makes sure that both sides compute the same: one image, and a view in which nothing is left to chance.
 *
 * @throws {Error} with what came out
 */
async function requireAgreement(data, { ours, peer }) {
  const view = {
    name: "view",
    size: 24,
    transforms: [
      randomResizedCrop({ size: 24, scale: [1, 1], ratio: [1, 1] }),
      randomHorizontalFlip({ probability: 1 }),
      colorJitter({ brightness: [1.2, 1.2] }),
      gaussianBlur({ probability: 1, sigma: [1.1, 1.1] }),
      solarize({ probability: 1 }),
    ],
    ...imageNetStatistics,
  };
  const start = { do: "start", data, views: [view], workers: 1, batch_size: 1 };
  const { views: here } = await ours.ask(start);
  for (const backend of backends.slice(0, 2)) {
    const { views: there } = await peer.ask({ ...start, backend });
    const same = here.every(
      ({ shape, mean, square }, i) =>
        isDeepStrictEqual(shape, there[i].shape) &&
        Math.abs(mean - there[i].mean) < 1e-6 &&
        Math.abs(square - there[i].square) < 1e-6,
    );
    if (!same) {
      const [a, b] = [here, there].map((each) => JSON.stringify(each));
      throw new Error(`loader: expected the same view on both sides, got ${a} here and ${b} by ${backend}`);
    }
  }
}

/** Both sides in turn on one kind of images. */
async function compare({ label, workload, data, views }, { ours, peer, seconds, rounds, log }) {
  const { batch: batchSize } = workloads[workload];
  log(`  ${label}, batches of ${batchSize}, ${workers} workers`);
  const start = { do: "start", data, views, workers, batch_size: batchSize };
  await ours.ask(start);
  await quiet(ours);
  const tried = await tryBackends(start, { peer, seconds, log });
  const { backend } = tried[0];
  await peer.ask({ ...start, backend });
  await quiet(peer);

  const [own, other] = [[], []];
  for (let round = 0; round < rounds; round++) {
    own.push(await timed(ours, seconds));
    other.push(await timed(peer, seconds));
    log(`    ${own.at(-1).rate.toFixed(0)} and ${other.at(-1).rate.toFixed(0)} images/s`);
  }
  const [a, b] = [own, other].map(summary);
  return {
    label,
    workload,
    batchSize,
    peerName: `torchvision ${backend}`,
    ours: a.rate.median,
    peer: b.rate.median,
    ratio: a.rate.median / b.rate.median,
    ratioSpread: spread(pairedRatios(other.map(rateOf), own.map(rateOf))),
    target: TARGET,
    rounds,
    oursSpread: a.rate,
    peerSpread: b.rate,
    oursCpuMs: a.cpuMs,
    peerCpuMs: b.cpuMs,
    oursPeakMB: a.peakMB,
    peerPeakMB: b.peakMB,
    /** How long the loader takes for a batch of the workload, ms. */
    batchMs: (1e3 * batchSize) / a.rate.median,
    peerBackends: tried.map(({ backend: of, rate }) => ({ name: of, rate })),
  };
}

const rateOf = ({ rate }) => rate;

/** The rate of each way that torchvision has, the fastest first; each tried twice, and its better time counts. */
async function tryBackends(start, { peer, seconds, log }) {
  const rates = new Map(backends.map((backend) => [backend, 0]));
  for (const backend of [...backends, ...backends]) {
    await peer.ask({ ...start, backend });
    const { rate } = await timed(peer, seconds / 2);
    rates.set(backend, Math.max(rate, rates.get(backend)));
  }
  const sorted = [...rates].sort(([, a], [, b]) => b - a).map(([backend, rate]) => ({ backend, rate }));
  for (const { backend, rate } of sorted) log(`    torchvision ${backend}: ${rate.toFixed(0)} images/s`);
  return sorted;
}

/** One round of one side: images per second, processor ms an image, and the memory of all its processes at the end. */
async function timed(side, seconds) {
  const before = usedBy(side.pid);
  const { images, seconds: took, made } = await side.ask({ do: "run", seconds, skip: SKIP });
  const megabytes = usedBy(side.pid)?.megabytes;
  // Until as many batches lie ready as before.
  await quiet(side);
  const after = usedBy(side.pid);
  const cpuMs = before && after ? (1e3 * (after.cpuSeconds - before.cpuSeconds)) / made : undefined;
  return { rate: images / took, cpuMs, megabytes };
}

/** Waits until a side has made what it makes ahead, so that it does not disturb the other. */
async function quiet(side) {
  let last = -1;
  for (let i = 0; i < 50; i++) {
    await setTimeout(200);
    const used = usedBy(side.pid)?.cpuSeconds;
    // Where nothing can be seen, a second is enough.
    if (used === undefined ? i >= 4 : used - last < 0.02) return;
    last = used;
  }
}

function summary(measured) {
  const known = (what) => measured.map(what).filter((value) => value !== undefined);
  const [cpu, memory] = [known(({ cpuMs }) => cpuMs), known(({ megabytes }) => megabytes)];
  return {
    rate: spread(measured.map(rateOf)),
    cpuMs: cpu.length > 0 ? spread(cpu).median : undefined,
    peakMB: memory.length > 0 ? Math.max(...memory) : undefined,
  };
}

function lines(row) {
  const { label, ours, peer, peerName, ratio, ratioSpread, oursSpread, peerSpread } = row;
  const between = ({ minimum, maximum }, digits = 0) =>
    `${minimum.toFixed(digits)} to ${maximum.toFixed(digits)}`;
  const shown = (value, unit) => (value === undefined ? "unknown" : `${value.toFixed(1)} ${unit}`);
  return [
    `${label}: ${ours.toFixed(0)} images/s (${between(oursSpread)}), ${peerName} ${peer.toFixed(0)} ` +
      `(${between(peerSpread)}): ${ratio.toFixed(2)} times as fast (${between(ratioSpread, 2)}), to reach ${TARGET}`,
    `  processor time an image ${shown(row.oursCpuMs, "ms")} and ${shown(row.peerCpuMs, "ms")}, ` +
      `memory of all processes ${shown(row.oursPeakMB, "MB")} and ${shown(row.peerPeakMB, "MB")}`,
    `  a batch of ${row.workload} (${row.batchSize} images, two views) every ${row.batchMs.toFixed(1)} ms`,
  ];
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  const log = (line) => console.error(line);
  const python = benchPython(cacheFolder(), log);
  const { lines: said } = await run({ python, log, quick: values.quick, rounds: values.quick ? 2 : 7 });
  console.log(said.join("\n"));
});
