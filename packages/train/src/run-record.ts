import {
  type Backbone,
  type Params,
  type PartSettings,
  type Precision,
  SitError,
  settingsOf,
  trainable,
} from "@sitjs/core";
import type { BatchSource } from "./loader.js";
import type { Method } from "./method.js";
import type { Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedules.js";
import { nestedDifferences, text } from "./setting-differences.js";

/** What a run's result depends on; a run that goes on must have the same. Plain data, saved with every checkpoint. */
export interface RunRecord {
  readonly method: string;
  /** Of the method and its parts; this and all that may be left out is not in records of earlier versions. */
  readonly methodSettings?: PartSettings;
  readonly backbone?: Readonly<Pick<Backbone, (typeof backboneFields)[number]>>;
  readonly optimizer: string;
  readonly optimizerSettings: PartSettings;
  /** Of the loader, where it says them: images, views, seed. */
  readonly loader?: PartSettings;
  /** What is trained, and how: those that are treated alike together. */
  readonly parameters?: readonly TreatedParameters[];
  readonly seed: number;
  readonly precision: Precision;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** The schedules' values at `scheduleSteps` of the run. */
  readonly learningRate: readonly number[];
  readonly weightDecay: readonly number[];
  readonly momentum: readonly number[];
}

/** Parameters that are treated alike. */
export interface TreatedParameters {
  /** Factors on the schedules, where the optimizer says them; and for how many steps they are frozen, where they are. */
  readonly treatment: {
    readonly weightDecay?: number;
    readonly learningRate?: number;
    readonly frozenSteps?: number | "all";
  };
  readonly names: readonly string[];
}

const backboneFields = ["name", "width", "depth", "patchSize", "channels", "imageSize", "settings"] as const;
/** Not in records of earlier versions, which are not compared by them. */
const laterFields = [
  "methodSettings",
  "backbone",
  "loader",
  "parameters",
] as const satisfies (keyof RunRecord)[];

/** Schedules are functions: they are compared by their values at so many steps, the first and the last included. */
const SAMPLES = 9;

/** The steps at which a record holds the schedules' values. */
export function scheduleSteps(totalSteps: number): number[] {
  return Array.from({ length: SAMPLES }, (_, i) => Math.round((i * (totalSteps - 1)) / (SAMPLES - 1)));
}

export async function runRecord(of: {
  readonly method: Method;
  /** The student's; only names and shapes are looked at. */
  readonly params: Params;
  readonly optimizer: Optimizer;
  /** For how many steps a parameter is frozen. */
  readonly frozenSteps: (name: string) => number;
  readonly loader: BatchSource;
  readonly seed: number;
  readonly precision: Precision;
  readonly totalSteps: number;
  readonly schedules: {
    readonly learningRate: Schedule;
    readonly weightDecay: Schedule;
    readonly momentum: Schedule;
  };
}): Promise<RunRecord> {
  const { method, optimizer, loader, seed, precision, totalSteps, schedules } = of;
  const { backbone } = method;
  const values = (schedule: Schedule) => scheduleSteps(totalSteps).map(schedule);
  return {
    method: method.name,
    methodSettings: asSaved("method", settingsOf(method)),
    backbone: asSaved("backbone", {
      ...(Object.fromEntries(backboneFields.map((name) => [name, backbone[name]])) as unknown as Backbone),
      settings: settingsOf(backbone),
    }),
    optimizer: optimizer.name,
    optimizerSettings: asSaved("optimizer", optimizer.settings ?? {}),
    ...(loader.settings && { loader: asSaved("loader", await loader.settings()) }),
    parameters: treatedParameters(of),
    seed,
    precision,
    batchSize: loader.batchSize,
    stepsPerEpoch: loader.stepsPerEpoch,
    totalSteps,
    learningRate: values(schedules.learningRate),
    weightDecay: values(schedules.weightDecay),
    momentum: values(schedules.momentum),
  };
}

/** As it comes back from a file; what is undefined is null, so that it is missing only where it was not known of. */
function asSaved<T>(whose: string, value: T): T {
  try {
    return JSON.parse(JSON.stringify(value, (_, inner) => (inner === undefined ? null : inner)));
  } catch (cause) {
    throw new SitError("bad-option", `${whose}: expected settings of plain JSON, got others`, { cause });
  }
}

function treatedParameters({
  params,
  optimizer,
  frozenSteps,
}: Pick<Parameters<typeof runRecord>[0], "params" | "optimizer" | "frozenSteps">): TreatedParameters[] {
  const trained = trainable(params);
  const groups = optimizer.groups?.(trained);
  const alike = new Map<string, { treatment: TreatedParameters["treatment"]; names: string[] }>();
  for (const name of Object.keys(trained).sort()) {
    const frozen = frozenSteps(name);
    const { weightDecay, learningRate } = groups?.get(name) ?? {};
    const treatment = {
      ...(weightDecay !== undefined && { weightDecay }),
      ...(learningRate !== undefined && { learningRate }),
      // JSON has no infinity.
      ...(frozen > 0 && { frozenSteps: Number.isFinite(frozen) ? frozen : ("all" as const) }),
    };
    const key = JSON.stringify(treatment);
    const group = alike.get(key) ?? { treatment, names: [] };
    group.names.push(name);
    alike.set(key, group);
  }
  return [...alike.values()];
}

/**
 * Throws unless a run that goes on is the one that was saved.
 *
 * @throws SitError "bad-option" naming every difference
 */
export function requireSameRun(saved: RunRecord, now: RunRecord): void {
  const known = (Object.keys(now) as (keyof RunRecord)[]).filter(
    (name) => saved[name] !== undefined || !laterFields.some((later) => later === name),
  );
  const differences = known.flatMap((name) => fieldDifferences(name, saved, now));
  if (differences.length === 0) return;
  throw new SitError(
    "bad-option",
    `resume: expected the settings of the saved run: ${differences.join("; ")}`,
    { mend: "Resume with the settings it began with, or begin a new run from its parameters." },
  );
}

/** In what a field of two records differs, in words. */
function fieldDifferences(name: keyof RunRecord, saved: RunRecord, now: RunRecord): string[] {
  const [before, after] = [saved[name], now[name]];
  switch (name) {
    case "method": {
      const of = ({ method, methodSettings }: RunRecord) => ({ ...methodSettings, name: method });
      return nestedDifferences(name, of(saved), of(now));
    }
    case "optimizer": {
      const of = ({ optimizer, optimizerSettings }: RunRecord) => ({ ...optimizerSettings, name: optimizer });
      return nestedDifferences(name, of(saved), of(now), { strict: true });
    }
    case "methodSettings":
    case "optimizerSettings":
      return [];
    case "backbone": {
      const of = ({ settings, ...sizes }: NonNullable<RunRecord["backbone"]>) => [sizes, settings];
      const [sizes, settings] = of(before as NonNullable<RunRecord["backbone"]>);
      const [sizesNow, settingsNow] = of(after as NonNullable<RunRecord["backbone"]>);
      const both = [
        ...nestedDifferences(name, sizes, sizesNow),
        ...nestedDifferences(name, settings, settingsNow),
      ];
      return [...new Set(both)]; // settings usually have the sizes too
    }
    case "loader":
      return nestedDifferences(name, before, after);
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (name === "parameters") {
    return [parameterDifference(before as TreatedParameters[], after as TreatedParameters[])];
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return [scheduleDifference(name, before as number[], after as number[], saved.totalSteps)];
  }
  return [`${name} ${text(before)} (now ${text(after)})`];
}

/** Names the first parameter that is treated otherwise, and how many there are. */
function parameterDifference(saved: readonly TreatedParameters[], now: readonly TreatedParameters[]): string {
  const byName = (all: readonly TreatedParameters[]) =>
    new Map(all.flatMap(({ treatment, names }) => names.map((name) => [name, JSON.stringify(treatment)])));
  const [before, after] = [byName(saved), byName(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const [name = "", ...others] = names.filter((each) => before.get(each) !== after.get(each));
  const more = others.length > 0 ? `, and ${others.length} other parameters` : "";
  return `parameter ${name} ${before.get(name) ?? "not trained"} (now ${after.get(name) ?? "not trained"})${more}`;
}

function scheduleDifference(name: string, saved: number[], now: number[], totalSteps: number): string {
  const at = saved.findIndex((value, i) => value !== now[i]);
  return `${name} ${saved[at]} at step ${scheduleSteps(totalSteps)[at]} (now ${now[at]})`;
}
