import { SitError } from "@sitjs/core/errors";
import { type Command, Option } from "commander";
import { differsByMethod, methodsUsing } from "../methods/plans.js";
import { optionName, parseValue } from "../settings/check.js";
import type { Group, Kind } from "../settings/definition.js";
import { definitions, settingNames } from "../settings/definitions.js";
import { presetNames, presets } from "../settings/presets.js";
import { defaultData, readyNames } from "../settings/ready-data.js";
import type { Settings } from "../settings/settings.js";

const everything = [
  "data",
  "model",
  "heads",
  "corruption",
  "pretraining",
  "precision",
  "saving",
  "faults",
  "test faults",
  "fine-tuning",
  "weights",
  "neighbours",
] as const satisfies readonly Group[];

const whole: Kind = { type: "whole", minimum: 0 };
export const engineChoices = ["auto", "tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;

/** Options that any command with output to follow has. */
export function withOutputOptions(command: Command): Command {
  return command
    .option("--quiet", "print the result only", false)
    .option("--json", "print lines of JSON on standard output, and nothing else there", false);
}

/** Options of every command that computes. */
export function withRunOptions(command: Command, defaults: { preset?: string; out?: string }): Command {
  const { preset, out } = defaults;
  if (preset !== undefined) {
    const help = `settings to start from: ${presetNames.join(", ")} (default: ${preset})`;
    command.addOption(valueOption("--preset <name>", { type: "choice", choices: presetNames }, help));
  }
  command
    .option(
      "--config <file>",
      "TypeScript or JavaScript module that exports defineConfig({ … }) (default: none)",
    )
    .addOption(
      valueOption(
        "--engine <name>",
        { type: "choice", choices: engineChoices },
        `what computes: ${engineChoices.join(", ")} (default: auto, the fastest that can be had)`,
      ),
    )
    .addOption(valueOption("--seed <number>", whole, "of every random draw (default: 0)"))
    .addOption(
      valueOption(
        "--workers <number>",
        whole,
        "threads that load images; 0: none (default: cores - 1, at least 1, at most 4)",
      ),
    );
  if (out !== undefined) command.option("--out <path>", `where the results go (default: ${out})`);
  return withOutputOptions(command);
}

/** The option that names the images. */
export function withData(command: Command): Command {
  return command.option(
    "--data <folder>",
    `a folder of images, a Parquet file, ${readyNames} (default: ${defaultData})`,
  );
}

/** Which settings a command takes, and what it calls them. */
export interface SettingScope {
  readonly groups: readonly Group[];
  /** Settings of these groups that it has not. */
  readonly without?: readonly (keyof Settings)[];
  /** Default: `--` and the name in kebab case. */
  readonly flag?: (name: keyof Settings) => string;
}

/** What commands take that train a classifier and nothing else. */
const supervised = {
  groups: ["model", "precision", "fine-tuning", "weights", "saving", "faults", "test faults"],
  // `--drop-path` is that of fine-tuning here.
  without: ["dropPath"],
  // It does nothing else: `--epochs`, not `--finetune-epochs`.
  flag: (name: keyof Settings) => optionName(name).replace(/^--finetune-/, "--"),
} as const satisfies SettingScope;

/** What each command takes. */
export const scopes = {
  pretrain: {
    groups: [
      "data",
      "model",
      "heads",
      "corruption",
      "pretraining",
      "precision",
      "saving",
      "watching",
      "faults",
    ],
  },
  finetune: supervised,
  multilabel: supervised,
  knn: { groups: ["weights", "neighbours", "faults", "test faults"] },
  linear: { groups: ["weights", "precision", "faults", "test faults"] },
  fewshot: {
    groups: ["weights", "neighbours", "precision", "fine-tuning", "faults", "test faults"],
  },
  onnx: { groups: ["weights"] },
  embed: { groups: ["weights", "faults", "test faults"] },
  reconstruct: { groups: ["corruption", "faults", "test faults"] },
  // As pretraining, whose views it shows.
  "data show": { groups: ["model", "corruption", "pretraining", "faults", "test faults"] },
  demo: { groups: [...everything, "watching"] },
  // Its methods are named by --methods.
  compare: { groups: everything, without: ["method"] },
  ablate: { groups: everything },
} as const satisfies Readonly<Record<string, SettingScope>>;

/** Adds an option for each setting of the scope, with its default by preset. */
export function withSettings(command: Command, scope: SettingScope): Command {
  const { flag = optionName } = scope;
  for (const name of namesIn(scope)) {
    const { kind, help } = definitions[name];
    const choices = kind.type === "choice" ? `; ${kind.choices.join(", ")}` : "";
    const value = kind.type === "choice" ? "<name>" : "<number>";
    const users = methodsUsing(name);
    const whose = users === undefined ? "" : `${users.join(", ")}: `;
    const text = `${whose}${help}${choices} (default: ${defaultByPreset(name)})`;
    command.addOption(valueOption(`${flag(name)} ${value}`, kind, text));
  }
  return command;
}

/** The settings among parsed options, by their names in `Settings`. */
export function settingsOf(
  options: Readonly<Record<string, unknown>>,
  scope: SettingScope,
): Partial<Settings> {
  const { flag = optionName } = scope;
  const entries = namesIn(scope).flatMap((name) => {
    const value = options[camelCase(flag(name))];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries) as Partial<Settings>;
}

/** The settings that a command takes. */
export function namesIn({ groups, without = [] }: SettingScope): (keyof Settings)[] {
  return settingNames.filter((name) => groups.includes(definitions[name].group) && !without.includes(name));
}

/** An option whose text is checked; no default, so that config file and preset can give one. */
export function valueOption(flags: string, kind: Kind, help: string): Option {
  const option = flags.split(" ")[0] as string;
  return new Option(flags, help).argParser((text: string) => parseValue(kind, text, option));
}

/** `10,100` as numbers. */
export function listOption(flags: string, minimum: number, help: string): Option {
  const option = flags.split(" ")[0] as string;
  const kind: Kind = { type: "whole", minimum };
  return new Option(flags, help).argParser((text: string) =>
    text.split(",").map((part) => parseValue(kind, part, option) as number),
  );
}

/** `0.1,1` as numbers above `minimum`, or it. */
export function numbersOption(flags: string, minimum: number, help: string): Option {
  const option = flags.split(" ")[0] as string;
  const kind: Kind = { type: "number", minimum, maximum: Number.POSITIVE_INFINITY };
  return new Option(flags, help).argParser((text: string) =>
    text.split(",").map((part) => parseValue(kind, part, option) as number),
  );
}

/** `sit,mae` as names. */
export function namesOption(flags: string, choices: readonly string[], help: string): Option {
  const option = flags.split(" ")[0] as string;
  const kind: Kind = { type: "choice", choices };
  return new Option(flags, help).argParser((text: string) =>
    text.split(",").map((part) => parseValue(kind, part, option) as string),
  );
}

/** @throws SitError "bad-option" where a value of a list is there twice */
export function requireDifferent(option: string, values: readonly (string | number)[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice === undefined) return;
  const kind = typeof twice === "number" ? "numbers" : "names";
  throw new SitError("bad-option", `${option}: expected different ${kind}, got ${twice} twice`);
}

function camelCase(option: string): string {
  return option.replace(/^--/, "").replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `64; 384 in paper-small and paper-imagenet`: first the value that most presets share. */
function defaultByPreset(name: keyof Settings): string {
  const users = new Map<string | number, string[]>();
  for (const preset of presetNames) {
    const value = presets[preset][name];
    users.set(value, [...(users.get(value) ?? []), preset]);
  }
  const [[usual], ...others] = [...users].sort(([, a], [, b]) => b.length - a.length) as [
    [string | number, string[]],
    ...[string | number, string[]][],
  ];
  const rest = others.map(([value, names]) => `; ${value} in ${names.join(" and ")}`);
  return `${usual}${rest.join("")}${differsByMethod(name) ? "; by method another" : ""}`;
}
