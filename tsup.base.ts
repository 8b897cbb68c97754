import type { Options } from "tsup";

/** What every package's build has in common: ESM, ES2022, types, one folder. */
export const base: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "es2022",
  dts: true,
  clean: true,
  sourcemap: true,
  // The maps name the files of `src`, which are published too: their text need not be in there twice.
  esbuildOptions: (options) => {
    options.sourcesContent = false;
  },
  splitting: true,
  treeshake: true,
  // Errors are still shown.
  silent: true,
};
