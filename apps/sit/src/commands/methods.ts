import { SitError } from "@sitjs/core/errors";
import type { Run } from "../command-line/run-command.js";
import { type MethodName, methodNames } from "../methods/names.js";
import { methodPlans, methodsUsing } from "../methods/plans.js";
import { optionName } from "../settings/check.js";
import { settingNames } from "../settings/definitions.js";
import { presetFor } from "../settings/presets.js";
import type { Settings } from "../settings/settings.js";

/** Tells the methods there are; of one, what it has of its own. */
export const run: Run = async (_, { console }, name) => {
  if (name === undefined) {
    const methods = methodNames.map((each) => ({ name: each, ...described(each) }));
    const lines = methods.map(({ name: each, title, summary }) => `${each.padEnd(20)}${title}: ${summary}`);
    console.result({ command: "methods", methods }, lines);
    return;
  }
  const method = methodNames.find((each) => each === name);
  if (method === undefined) {
    throw new SitError("bad-option", `methods: expected one of ${methodNames.join(", ")}, got ${name}`);
  }
  const { title, summary, settings } = described(method);
  const row = (...cells: (string | number)[]) =>
    cells
      .map((cell) => String(cell).padEnd(30))
      .join("")
      .trimEnd();
  console.result({ command: "methods", name: method, title, summary, settings }, [
    `${title}: ${summary}`,
    "",
    row("", "paper-small", "demo"),
    ...settings.map(({ option, paper, small }) => row(option, paper, small)),
    "",
    "Settings that are not named here are the preset's; options of other methods are refused.",
  ]);
};

/** The settings that are the method's own, or that it has other than SiT, in a preset of either kind. */
function described(method: MethodName) {
  const { title, summary } = methodPlans[method];
  const [paper, small] = [presetFor("paper-small", method), presetFor("demo", method)];
  const own = (name: keyof Settings) => methodsUsing(name)?.includes(method) ?? overrides(method, name);
  const settings = settingNames
    .filter(own)
    .map((name) => ({ option: optionName(name), paper: paper[name], small: small[name] }));
  return { title, summary, settings };
}

const overrides = (method: MethodName, name: keyof Settings) =>
  name in methodPlans[method].paper || name in methodPlans[method].small;
