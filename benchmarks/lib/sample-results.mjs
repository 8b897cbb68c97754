// Results in the shape that npm run bench writes, for tests; the numbers are made up and stand nowhere else.
import { growthPoints } from "./growth-points.mjs";
import { methodRows } from "./method-rows.mjs";

const spreadOf = (median) => ({
  minimum: 0.9 * median,
  lower: 0.95 * median,
  median,
  upper: 1.05 * median,
  maximum: 1.1 * median,
});

function row(workload, precision, ours, peer) {
  const ratio = peer / ours;
  return {
    workload,
    precision,
    ours,
    peer,
    ratio,
    target: 1.5,
    oursSpread: spreadOf(ours),
    peerSpread: spreadOf(peer),
    ratioSpread: spreadOf(ratio),
    oursPeakMB: 900,
    peerPeakMB: 1100,
    gemmShare: 0.42,
    settings: [
      { name: `sitjs ${precision}`, time: spreadOf(ours), peakMB: 900 },
      { name: `PyTorch ${precision}`, time: spreadOf(peer), peakMB: 1100 },
      { name: `PyTorch ${precision}, torch.compile`, error: "no compiler\nsecond line" },
    ],
  };
}

function methodCost(method, times) {
  return { method, views: 1, times, cpu: times, peakMB: 700, startMB: 400 };
}

function profile(kernels, operations) {
  const cost = (name, calls, milliseconds) => ({
    name,
    calls,
    milliseconds,
    processorMilliseconds: 1,
    pageFaults: 0,
  });
  const inside = operations.reduce((sum, [, , milliseconds]) => sum + milliseconds, 0);
  return {
    workload: "A",
    precision: "float32",
    kernels,
    steps: 5,
    peakMB: 1234,
    operations: operations.map(([name, calls, milliseconds]) => cost(name, calls, milliseconds)),
    outside: cost("(outside operations)", 0, 10),
    whole: cost("whole step", 99, inside + 10),
  };
}

const growthRows = growthPoints().flatMap(({ workload, axes }) =>
  axes.flatMap((place) =>
    ["sitjs", "PyTorch"].flatMap((side) =>
      ["float32", "bfloat16"].map((precision) => {
        const milliseconds = workload.batch * workload.depth * workload.imageSize ** 2 * 1e-3;
        return { ...place, side, precision, milliseconds, peakMB: 300 + milliseconds, startMB: 200 };
      }),
    ),
  ),
);

const curve = (name, precision, shift) => ({
  name,
  precision,
  seed: 0,
  ...Object.fromEntries(
    ["loss", "reconstruction", "contrast"].map((key, i) => [
      key,
      Array.from({ length: 40 }, (_, step) => (i + 1) / (step + 1) + shift),
    ]),
  ),
  knn: 0.5 + shift,
  testImages: 10_000,
  imagesPerSecond: 300,
});

const startCost = { median: 120, minimum: 110, maximum: 140 };

export const sampleResults = {
  command: "npm run bench",
  quick: false,
  machine: { cpu: "Test processor", cores: 2, instructions: ["avx2"], memoryGB: 8, os: "linux" },
  versions: { node: "20", torch: "2" },
  rows: [row("A", "float32", 100, 160), row("B", "float32", 200, 220)],
  methods: {
    settings: { precision: "float32", rounds: 3, scenes: { small: { label: "Small images" } } },
    rows: methodRows("small", [methodCost("mae", [100, 110, 120]), methodCost("simmim", [210, 220, 230])]),
  },
  check: [{ workload: "A", precision: "float32", ours: [1, 2, 3], difference: 3e-6 }],
  profile: {
    profiles: [
      profile(
        "off",
        [...Array(9)].map((_, i) => [`Composed${i}`, 10, 90 - i]),
      ),
      profile("on", [
        ["Fused", 12, 70],
        ["Composed8", 1, 5],
      ]),
    ],
  },
  growth: {
    rows: growthRows,
    exponents: [{ axis: "batch", side: "sitjs", precision: "float32", time: 0.97, memory: 0.9 }],
  },
  loader: {
    settings: { workers: 2 },
    rows: [
      {
        label: "32 x 32 from memory",
        workload: "A",
        ours: 3000,
        peer: 1000,
        peerName: "torchvision v2",
        ratio: 3,
        ratioSpread: spreadOf(3),
        oursSpread: spreadOf(3000),
        peerSpread: spreadOf(1000),
        target: 1.5,
        batchMs: 21,
      },
    ],
  },
  precision: {
    command: "node benchmarks/precision.mjs",
    machine: { cpu: "Test processor", cores: 2, instructions: ["avx2"], memoryGB: 8, os: "linux" },
    versions: { node: "20", tensorflow: "2" },
    settings: { preset: "demo", steps: 40, window: 5, neighbours: 5000 },
    runs: [curve("float32", "float32", 0), curve("bfloat16", "bfloat16", 0.01)],
    differences: [{ name: "bfloat16", loss: 0.004, reconstruction: 0.003, contrast: 0.012, knn: 0.01 }],
  },
  start: {
    rounds: 7,
    targets: { help: 300, import: 150 },
    commands: [{ command: "sit --help", wall: startCost }],
    imports: [{ entry: "@sitjs/vit", wall: startCost }],
  },
};
