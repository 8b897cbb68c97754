// The process that parses: asked for a range of inputs of one target, it answers with counts and findings. It may hang or
// die over an input; whoever started it then reads from the file of progress which one it was.
import { openSync, writeSync } from "node:fs";
import { printable, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { Collections, type Cost, measure } from "./measure.js";
import { type AnyTarget, allowedBytes } from "./target.js";

export interface Task {
  readonly target: string;
  readonly seed: number;
  /** Inputs `start` to `end` - 1. */
  readonly start: number;
  readonly end: number;
  /** Longer than this is a finding. */
  readonly milliseconds: number;
  /** Gives the inputs themselves back, and parses nothing. */
  readonly only: "bytes" | undefined;
}

export interface Finding {
  readonly target: string;
  readonly index: number;
  readonly kind: "error" | "promise" | "slow" | "allocation" | "hang" | "crash";
  readonly message: string;
  /** The input, in base64. */
  readonly input: string;
}

export interface Answer {
  readonly accepted: number;
  readonly rejected: number;
  /** How often each reason was given. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** The most milliseconds that one input took. */
  readonly slowest: number;
  /** The most that one input's parse allocated, as a share of what it may. */
  readonly mostAllocated: number;
  /** With `only: "bytes"`: the inputs, in base64. */
  readonly inputs: readonly string[];
}

/** Inputs between two looks at the collections. */
const batchSize = 256;
/** A target that fails with every input need not fill the disk. */
const maximumFindings = 50;

type Outcome = { readonly value: unknown } | { readonly error: unknown };
interface Run {
  readonly index: number;
  readonly file: Uint8Array;
  readonly outcome: Outcome;
  readonly cost: Cost;
}

/** Serves the messages of the process that started this one. */
export function serve(targets: readonly AnyTarget[]): void {
  const progress = openSync(process.argv[2] as string, "w");
  const scratch = process.argv[3] as string;
  let warned = "";
  // A file that nobody closed, for one.
  process.on("warning", ({ name, message }) => {
    warned = `${name}: ${message}`;
  });
  const collections = new Collections();
  process.on("message", async (task: Task) => {
    const target = targets.find(({ name }) => name === task.target) as AnyTarget;
    target.open?.(scratch);
    const answer = await new Fuzzing(target, task, collections, (index) => {
      writeSync(progress, Float64Array.of(index), 0, 8, 0);
    }).run();
    const findings =
      warned === "" ? answer.findings : [...answer.findings, finding(target, -1, "promise", warned)];
    warned = "";
    process.send?.({ ...answer, findings });
  });
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

function finding(
  target: AnyTarget,
  index: number,
  kind: Finding["kind"],
  message: string,
  file?: Uint8Array,
): Finding {
  const input = Buffer.from(file ?? []).toString("base64");
  return { target: target.name, index, kind, message: message.slice(0, 2000), input };
}

class Fuzzing {
  readonly #corpus: readonly Uint8Array[];
  readonly #findings: Finding[] = [];
  readonly #reasons = new Map<string, number>();
  #accepted = 0;
  #slowest = 0;
  #mostAllocated = 0;

  constructor(
    private readonly target: AnyTarget,
    private readonly task: Task,
    private readonly collections: Collections,
    private readonly report: (index: number) => void,
  ) {
    this.#corpus = target.corpus();
  }

  async run(): Promise<Answer> {
    const { start, end, only } = this.task;
    const inputs: string[] = [];
    if (only === "bytes") {
      for (let i = start; i < end; i++) inputs.push(Buffer.from(this.#input(i)).toString("base64"));
    } else {
      await this.#requireCorpus();
      for (let first = start; first < end; first += batchSize) {
        await this.#batch(first, Math.min(end, first + batchSize));
      }
    }
    const rejected = [...this.#reasons.values()].reduce((sum, count) => sum + count, 0);
    return {
      accepted: this.#accepted,
      rejected,
      reasons: Object.fromEntries(this.#reasons),
      findings: this.#findings,
      slowest: this.#slowest,
      mostAllocated: this.#mostAllocated,
      inputs,
    };
  }

  #input(index: number): Uint8Array {
    const rng = randomStream(this.task.seed, this.target.name, index);
    const file = this.#corpus[rng.integer(0, this.#corpus.length)] as Uint8Array;
    return this.target.mutate(file, rng, this.#corpus);
  }

  /** Valid files must parse; and what is loaded or compiled with the first call is not measured. */
  async #requireCorpus(): Promise<void> {
    for (const [i, file] of this.#corpus.entries()) {
      const { outcome } = await this.#parse(-1 - i, file);
      if ("error" in outcome) this.#found(-1 - i, "error", `a valid file: ${String(outcome.error)}`, file);
    }
  }

  async #batch(start: number, end: number): Promise<void> {
    const runs: Run[] = [];
    for (let index = start; index < end; index++) {
      const file = this.#input(index);
      this.report(index);
      const run = await this.#parse(index, file);
      this.#judge(run);
      runs.push(run);
    }
    const collected = await this.collections.take();
    for (const run of runs) {
      const disturbed = collected.some((time) => time >= run.cost.start && time <= run.cost.end);
      if (disturbed || this.#tooMuch(run) !== undefined) await this.#again(run);
      else this.#note(run);
    }
  }

  async #parse(index: number, file: Uint8Array): Promise<Run> {
    const { value: outcome, cost } = await measure<Outcome>(() => {
      try {
        const value: unknown = this.target.parse(file);
        if (!(value instanceof Promise)) return { value };
        return value.then(
          (value) => ({ value }),
          (error) => ({ error }),
        );
      } catch (error) {
        return { error };
      }
    });
    return { index, file, outcome, cost };
  }

  /** Whether the parser kept its promises. */
  #judge({ index, file, outcome }: Run): void {
    if ("value" in outcome) {
      this.#accepted++;
      try {
        this.target.check(outcome.value, file);
      } catch (error) {
        this.#found(index, "promise", String(error), file);
      }
      return;
    }
    const { error } = outcome;
    const { source, codes } = this.target;
    const reason = SitError.isInstance(error) ? error.message : String((error as Error)?.stack ?? error);
    if (!SitError.isInstance(error) || !codes.includes(error.code)) this.#found(index, "error", reason, file);
    else if (source !== undefined && !reason.startsWith(source)) {
      this.#found(index, "promise", `expected a message that begins with ${source}, got ${reason}`, file);
    } else if (reason.length > 1000 + (source?.length ?? 0)) {
      this.#found(index, "promise", `expected a message of at most 1000 characters: ${reason}`, file);
    }
    if (SitError.isInstance(error) && printable(reason) !== reason) {
      this.#found(index, "promise", `expected a message that can be printed: ${reason}`, file);
    }
    const kind = kindOf(source === undefined ? reason : reason.slice(source.length));
    this.#reasons.set(kind, (this.#reasons.get(kind) ?? 0) + 1);
  }

  #tooMuch({ file, cost }: Run): "slow" | "allocation" | undefined {
    if (cost.milliseconds > this.task.milliseconds) return "slow";
    return cost.allocated > this.#allowed(file) ? "allocation" : undefined;
  }

  #allowed(file: Uint8Array): number {
    return (this.target.allowed ?? allowedBytes)(file.length);
  }

  /** Once more with nothing to collect: what takes too much again, does so by itself. */
  async #again({ index, file }: Run): Promise<void> {
    this.report(index);
    (globalThis.gc as () => void)();
    await this.collections.take();
    const before = process.cpuUsage();
    const run = await this.#parse(index, file);
    const { user, system } = process.cpuUsage(before);
    const collected = await this.collections.take();
    const full = collected.some((time) => time >= run.cost.start && time <= run.cost.end);
    const kind = full ? "allocation" : this.#tooMuch(run);
    const { allocated, milliseconds } = run.cost;
    if (kind === "allocation") {
      const amount = full ? "so much that garbage was collected" : `${allocated} bytes`;
      this.#found(index, kind, `allocated ${amount} for a file of ${file.length}`, file);
    } else if (kind === "slow" && (user + system) / 1000 > this.task.milliseconds) {
      this.#found(index, kind, `took ${Math.round(milliseconds)} ms for a file of ${file.length}`, file);
    } else this.#note(run);
  }

  #note({ file, cost }: Run): void {
    this.#slowest = Math.max(this.#slowest, cost.milliseconds);
    this.#mostAllocated = Math.max(this.#mostAllocated, cost.allocated / this.#allowed(file));
  }

  #found(index: number, kind: Finding["kind"], message: string, file: Uint8Array): void {
    if (this.#findings.length < maximumFindings) {
      this.#findings.push(finding(this.target, index, kind, message, file));
    }
  }
}

/** The part of a message that tells reasons apart, without what came from the file. */
function kindOf(message: string): string {
  const expected = /expected .*/s.exec(message)?.[0] ?? message;
  return expected
    .replace(/, got:? .*/s, "")
    .replace(/"(?:[^"\\]|\\.)*"?…?/g, '"…"')
    .replace(/-?\d[\d.,e+]*/g, "#")
    .replace(/\[[^\]]*\]?/g, "[…]")
    .slice(0, 90);
}
