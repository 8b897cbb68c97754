/** What `--method` can name. Their settings are in `plans.ts`, how they are made in `makers.ts`. */
export const methodNames = [
  "sit",
  "gmml",
  "gmml-rotation",
  "mae",
  "simmim",
  "moco-v3",
  "dino",
  "simclr",
  "rotation",
  "relative-position",
  "jigsaw",
  "colorization",
  "context-encoder",
  "deep-cluster",
  "deep-infomax",
  "relational",
] as const;

export type MethodName = (typeof methodNames)[number];
