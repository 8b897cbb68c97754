import { type InstallMethod, type InstallProgress, installEngine, type Variant } from "@sitjs/engine";
import type { Run } from "../command-line/run-command.js";
import { stage } from "../experiment/reporter.js";

const titles: Readonly<Record<InstallProgress["stage"], string>> = {
  lock: "waiting for another install",
  disk: "looking at the disk",
  package: "getting the binding",
  wheel: "getting TensorFlow",
  unpack: "unpacking",
  addons: "compiled addons",
  compile: "compiling",
  kernels: "compiling the fused kernels",
  official: "installing the official prebuilt",
  check: "trying it",
  done: "done",
};

/** Puts the native engine into the user's cache. */
export const run: Run = async (options, { console, signal }) => {
  const { report } = console;
  const name = "Native engine";
  const installed = await stage(report, name, { unit: "percent", total: 100 }, async ({ progress }) => {
    let shown = "";
    return await installEngine({
      variant: options.variant as Variant,
      method: options.method as "auto" | InstallMethod,
      force: options.force === true,
      signal,
      onProgress({ stage: step, detail, fraction }) {
        const text = `${titles[step]}${detail === undefined ? "" : `: ${detail}`}`;
        // A fraction comes many times a second, and its detail changes with it.
        if (step !== shown && step !== "done") report({ event: "note", text: `  ${text}` });
        shown = step;
        if (fraction !== undefined) progress({ done: Math.round(100 * fraction), total: 100 });
      },
    });
  });
  const { method, variant, tensorflow, directory, platformPackage } = installed;
  const made = {
    package: `with the addons of ${platformPackage}`,
    source: "built here",
    official: "official prebuilt",
  }[method];
  console.result({ ...installed }, [`TensorFlow ${tensorflow} for ${variant}, ${made}: ${directory}`]);
};
