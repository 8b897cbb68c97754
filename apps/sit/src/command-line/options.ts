import { type Command, Option } from "commander";
import { optionName, parseValue } from "../settings/check.js";
import { definitions, type Group, type Kind, type Settings, settingNames } from "../settings/definitions.js";
import { presetNames, presets } from "../settings/presets.js";

const whole: Kind = { type: "whole", minimum: 0 };
export const engineChoices = ["auto", "tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const;

/** Options that any command with output to follow has. */
export function withOutputOptions(command: Command): Command {
  return command
    .option("--quiet", "print the result only", false)
    .option("--json", "print lines of JSON on standard output, and nothing else there", false);
}

/** Options of every command that computes. */
export function withRunOptions(command: Command, defaultOut: string | undefined): Command {
  command
    .addOption(
      valueOption("--preset <name>", { type: "choice", choices: presetNames }, presetHelp(defaultOut)),
    )
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
  if (defaultOut !== undefined) {
    command.option("--out <path>", `where the results go (default: ${defaultOut})`);
  }
  return withOutputOptions(command);
}

/** The option that names the images. */
export function withData(command: Command): Command {
  return command.option("--data <folder>", "a folder of images, or fashion-mnist (default: fashion-mnist)");
}

function presetHelp(out: string | undefined): string {
  const usual =
    out === "runs/demo"
      ? "demo; demo-portable without a native engine"
      : "demo for fashion-mnist, paper-small for a folder";
  return `settings to start from: ${presetNames.join(", ")} (default: ${usual})`;
}

/** How a command calls a setting: `finetuneEpochs` is `--epochs` of `sit finetune`. */
export type SettingFlag = (name: keyof Settings) => string;

/** `finetune…` without its first word, for the command that does nothing else. */
export const shortFinetuneFlag: SettingFlag = (name) => optionName(name).replace(/^--finetune-/, "--");

/** Adds an option for each setting of the groups, with its default by preset. */
export function withSettings(
  command: Command,
  groups: readonly Group[],
  flag: SettingFlag = optionName,
): Command {
  for (const name of settingNames) {
    const { group, kind, help } = definitions[name];
    if (!groups.includes(group)) continue;
    const choices = kind.type === "choice" ? `; ${kind.choices.join(", ")}` : "";
    const value = kind.type === "choice" ? "<name>" : "<number>";
    command.addOption(
      valueOption(`${flag(name)} ${value}`, kind, `${help}${choices} (default: ${defaultByPreset(name)})`),
    );
  }
  return command;
}

/** The settings among parsed options, by their names in `Settings`. */
export function settingsOf(
  options: Readonly<Record<string, unknown>>,
  flag: SettingFlag = optionName,
): Partial<Settings> {
  const entries = settingNames.flatMap((name) => {
    const value = options[camelCase(flag(name))];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries) as Partial<Settings>;
}

/** An option whose text is checked; no default, so that config file and preset can give one. */
export function valueOption(flags: string, kind: Kind, help: string): Option {
  const option = flags.split(" ")[0] as string;
  return new Option(flags, help).argParser((text: string) => parseValue(kind, text, option));
}

function camelCase(option: string): string {
  return option.replace(/^--/, "").replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `96 in demo and long, 384 in paper-small`, or the one value that all presets share. */
function defaultByPreset(name: keyof Settings): string {
  const users = new Map<string | number, string[]>();
  for (const preset of presetNames) {
    const value = presets[preset][name];
    users.set(value, [...(users.get(value) ?? []), preset]);
  }
  if (users.size === 1) return String([...users.keys()][0]);
  return [...users].map(([value, names]) => `${value} in ${names.join(" and ")}`).join(", ");
}
