// The questions of SiT's paper on images of 28 and 32 pixels, with a network that two cores train in a minute:
//   npm run ablate                                          both data sets, hours; stopped, it goes on where it was
//   sit ablate experiments/sit.ts --data cifar-10           one of them
import { defineAblation, type Settings } from "@sitjs/app";

const paper = "SiT, Atito, Awais and Kittler 2021";

/** Images seen in all; the base's 10,000 five times. */
const seen = 50_000;

/** As many images seen and as much warm-up as the base, on another number of different ones. */
const amount = (images: number) => ({ images, epochs: seen / images, warmupEpochs: 5000 / images });

const share = (ratio: number) => ({ corruptionRatio: ratio, replaceRatio: ratio, minimumRatio: 1 });

/** Sides of blocks in patches. */
const blocks = (from: number, to: number, aligned: boolean) => (base: Readonly<Settings>) => ({
  blockMinimum: (from * base.patchSize) / base.imageSize,
  blockMaximum: (to * base.patchSize) / base.imageSize,
  alignment: aligned ? base.patchSize : 1,
});

export default defineAblation({
  title: "SiT taken apart",
  data: "fashion-mnist",
  settings: { images: 10_000, epochs: 5, checkpointEvery: 0 },
  seeds: [0, 1, 2],
  labelsPerClass: [20],
  bankImages: 5000,
  axes: [
    {
      name: "parts",
      title: "Parts",
      question:
        "What does each half bring? The autoencoder draws the whole view from itself, nothing corrupted; contrast alone sees clean views.",
      variants: [
        { name: "from scratch", pretrained: false },
        {
          name: "autoencoder",
          settings: { corruption: "none", reconstruction: "l1", contrast: "none" },
        },
        { name: "GMML", settings: { contrast: "none" } },
        {
          name: "contrast, no teacher",
          settings: { corruption: "none", reconstruction: "none", contrast: "self" },
        },
        { name: "contrast", settings: { corruption: "none", reconstruction: "none" } },
        { name: "both" },
      ],
    },
    {
      name: "corruption",
      title: "What corrupted blocks hold",
      question: "With two kinds each image gets one of them.",
      variants: [
        { name: "zeros", settings: { corruption: "zeros" } },
        { name: "noise", settings: { corruption: "noise" } },
        { name: "replace", settings: { corruption: "replace" } },
        { name: "zeros + replace", settings: { corruption: "zeros+replace" } },
        { name: "noise + replace" },
      ],
    },
    {
      name: "share",
      title: "Corrupted share",
      question: "Of every image exactly this share. (The base: 40 % by noise, 30 % by replace.)",
      variants: [
        { name: "10 %", settings: share(0.1) },
        { name: "30 %", settings: share(0.3) },
        { name: "50 %", settings: share(0.5) },
        { name: "70 %", settings: share(0.7) },
        { name: "90 %", settings: share(0.9) },
      ],
    },
    {
      name: "blocks",
      title: "Blocks or single patches, on the grid of patches or off it",
      question:
        "Sides of a block are one patch, or one to two. The base has the paper's 5 to 25 % of the image, here up to one patch.",
      variants: [
        { name: "single patches", settings: blocks(1, 1, true) },
        { name: "blocks, aligned", settings: blocks(1, 2, true) },
        { name: "blocks, not aligned", settings: blocks(1, 2, false) },
        { name: "base" },
      ],
    },
    {
      name: "alpha",
      title: "Weight of the reconstruction",
      variants: [{ name: "alpha 1" }, { name: "alpha 5", settings: { alpha: 5 } }],
    },
    {
      name: "loss",
      title: "Reconstruction loss",
      variants: [{ name: "L1" }, { name: "L2", settings: { reconstruction: "masked-l2" } }],
    },
    {
      name: "length",
      title: "Length of pretraining",
      question: "Epochs of 10,000 images.",
      variants: [
        { name: "2 epochs", settings: { epochs: 2 } },
        { name: "5 epochs" },
        { name: "10 epochs", settings: { epochs: 10 } },
      ],
    },
    {
      name: "amount",
      title: "Amount of unlabelled data",
      question: "Different images; every network sees 50,000 in all, the fewer the more often.",
      variants: [
        { name: "500", settings: amount(500) },
        { name: "2,500", settings: amount(2500) },
        { name: "10,000" },
        { name: "50,000", settings: amount(50_000) },
      ],
    },
  ],
  findings: [
    {
      claim: "Pretraining on the same small data beats training from scratch",
      source: paper,
      better: ["parts/both"],
      worse: ["parts/from scratch"],
    },
    {
      claim: "A plain autoencoder brings nothing: from scratch is better",
      source: paper,
      better: ["parts/from scratch"],
      worse: ["parts/autoencoder"],
    },
    {
      claim: "Reconstruction alone beats contrast alone",
      source: paper,
      better: ["parts/GMML"],
      worse: ["parts/contrast"],
    },
    {
      claim: "Both together beat reconstruction alone",
      source: paper,
      better: ["parts/both"],
      worse: ["parts/GMML"],
    },
    {
      claim: "Both together beat contrast alone",
      source: paper,
      better: ["parts/both"],
      worse: ["parts/contrast"],
    },
    {
      claim: "The momentum teacher helps contrast",
      source: paper,
      better: ["parts/contrast"],
      worse: ["parts/contrast, no teacher"],
    },
    {
      claim: "Noise + replace is the best corruption: better than the mean of the other four",
      source: paper,
      better: ["corruption/noise + replace"],
      worse: ["corruption/zeros", "corruption/noise", "corruption/replace", "corruption/zeros + replace"],
    },
    {
      claim: "50 to 70 % corrupted is best: the mean of both is above that of 10, 30 and 90 %",
      source: paper,
      better: ["share/50 %", "share/70 %"],
      worse: ["share/10 %", "share/30 %", "share/90 %"],
    },
    {
      claim: "Blocks are better than single patches",
      source: paper,
      better: ["blocks/blocks, aligned"],
      worse: ["blocks/single patches"],
    },
    {
      claim: "Not aligned is slightly better on small data",
      source: paper,
      better: ["blocks/blocks, not aligned"],
      worse: ["blocks/blocks, aligned"],
    },
    {
      claim: "Small data want alpha 5, not 1",
      source: paper,
      better: ["alpha/alpha 5"],
      worse: ["alpha/alpha 1"],
    },
    { claim: "L1 is better than L2", source: paper, better: ["loss/L1"], worse: ["loss/L2"] },
    {
      claim: "Longer is better: 10 epochs against 2",
      source: paper,
      better: ["length/10 epochs"],
      worse: ["length/2 epochs"],
    },
    {
      claim: "More unlabelled images are better: 50,000 against 500",
      better: ["amount/50,000"],
      worse: ["amount/500"],
    },
  ],
});
