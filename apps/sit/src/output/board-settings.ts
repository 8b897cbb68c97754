import { type BatchSource, type Method, pretrainPlan } from "@sitjs/train";
import { pretrainOptions } from "../experiment/pretrain-options.js";
import type { BoardOptions } from "../run-folder/board.js";
import type { Settings } from "../settings/settings.js";
import { commandLine, groupedSettings } from "./report-data.js";

/** What TensorBoard is told of a pretraining beside its steps. */
export function boardOf(
  method: Method,
  loader: Pick<BatchSource, "batchSize" | "stepsPerEpoch">,
  settings: Settings,
  totalSteps: number,
): Omit<BoardOptions, "resumedAt" | "report"> {
  const { weightDecay, momentum } = pretrainPlan(
    method,
    loader,
    pretrainOptions(method, settings, totalSteps),
  );
  const teacher = method.recipe === undefined || method.recipe.momentum < 1;
  return {
    tensorboard: settings.tensorboard === "on",
    settings: settingsTable(settings),
    schedules: { weightDecay, ...(teacher && { momentum }) },
  };
}

/** A table in Markdown. */
function settingsTable(settings: Settings): string {
  const rows = Object.entries(groupedSettings(settings)).flatMap(([group, values]) =>
    Object.entries(values).map(([name, value]) => `| ${group} | ${name} | ${value} |`),
  );
  return [`\`${commandLine()}\``, "", "| group | setting | value |", "| --- | --- | --- |", ...rows].join(
    "\n",
  );
}
