import { SitError } from "@sitjs/core/errors";
import { describe, describeCall } from "./describe.js";
import {
  PickleGlobal,
  type PickleHost,
  PickleRecord,
  PickleUnknown,
  type PickleValue,
} from "./pickle-value.js";

const mark = Symbol("mark");
type Item<T> = PickleValue<T> | typeof mark;

/**
 * Values and letters that calls may take for each byte of the pickle: what the memo holds is given to a call by two
 * bytes, however long it is, and a call's text may be given to the next.
 */
const takenPerByte = 16;
/** Of a name in a module, with the module's. */
const longestGlobal = 1000;

export interface PickleOptions<T> {
  readonly host: PickleHost<T>;
  /** What to call the file in errors. */
  readonly source: string;
  /** Whether names that are not known are refused, or leave a `PickleUnknown` (default "refuse"). */
  readonly unknown?: "refuse" | "keep";
}

const askForOne = "Where that lies beside what is needed, ask for the one entry by the option only.";

/** The stack and memo of a pickle's reading, and what opcodes do to the values on them. Errors are "bad-file". */
export class PickleStack<T> {
  readonly #options: PickleOptions<T>;
  readonly #items: Item<T>[] = [];
  readonly #memo = new Map<number, PickleValue<T>>();
  /** The first unknown name: allowed to be on the stack until it is clear what was to be done with it. */
  #unknown: string | undefined;
  /** How many values and letters calls may still take. */
  #left: number;

  /** @param bytes that the pickle can have at most */
  constructor(options: PickleOptions<T>, bytes: number) {
    this.#options = options;
    this.#left = takenPerByte * bytes + 10_000;
  }

  fail(message: string, mend?: string): never {
    throw new SitError("bad-file", `${this.#options.source}: ${message}`, { mend });
  }

  push(value: PickleValue<T>): void {
    this.#items.push(value);
  }

  pushMark(): void {
    this.#items.push(mark);
  }

  pop(): PickleValue<T> {
    const value = this.top();
    this.#items.pop();
    return value;
  }

  /** Takes a value or a mark away. */
  drop(): void {
    if (this.#items.pop() === undefined) this.fail("expected a value on the pickle's stack, got none");
  }

  top(): PickleValue<T> {
    const item = this.#items.at(-1);
    if (item === undefined || item === mark) this.fail("expected a value on the pickle's stack, got none");
    return item;
  }

  popToMark(): PickleValue<T>[] {
    const at = this.#items.lastIndexOf(mark);
    if (at < 0) this.fail("expected a mark on the pickle's stack, got none");
    const values = this.#items.splice(at) as PickleValue<T>[];
    values.shift();
    return values;
  }

  /** The one value at the pickle's end. */
  last(): PickleValue<T> {
    const value = this.pop();
    const { length } = this.#items;
    if (length > 0) this.fail(`expected one value of the pickle, got ${length + 1}`);
    if (this.#unknown !== undefined) this.fail(`refused, since it refers to ${this.#unknown}`, askForOne);
    return value;
  }

  setItems(items: readonly PickleValue<T>[]): void {
    const target = this.top();
    if (target instanceof PickleUnknown) return;
    if (!(target instanceof Map)) this.fail(`expected a dictionary in the pickle, got ${describe(target)}`);
    if (items.length % 2 !== 0) this.fail("expected pairs of key and value in the pickle, got a key alone");
    for (let i = 0; i < items.length; i += 2) {
      target.set(items[i] as PickleValue<T>, items[i + 1] as PickleValue<T>);
    }
  }

  append(values: readonly PickleValue<T>[]): void {
    const target = this.top();
    if (target instanceof PickleUnknown) return;
    const to = this.#list(target);
    for (const value of values) to.push(value);
  }

  addItems(values: readonly PickleValue<T>[]): void {
    const target = this.top();
    if (target instanceof PickleUnknown) return;
    if (!(target instanceof Set)) this.fail(`expected a set in the pickle, got ${describe(target)}`);
    for (const value of values) target.add(value);
  }

  /** Pushes what a name stands for. */
  global(module: PickleValue<T>, name: PickleValue<T>): void {
    if (typeof name !== "string" || typeof module !== "string") this.fail("expected a name of two texts");
    if (module.length + name.length > longestGlobal)
      this.fail(`expected a name of at most ${longestGlobal} letters, got ${describe(name)}`);
    const { host, unknown } = this.#options;
    const full = `${module}.${name}`;
    const value = host.value(full) ?? new PickleGlobal(full);
    const known = !(value instanceof PickleGlobal) || host.isCallable(full);
    if (!known && unknown !== "keep") this.#unknown ??= describe(value);
    this.push(known || unknown !== "keep" ? value : new PickleUnknown(describe(value)));
  }

  /** Pushes what calling the popped name makes, here by the host: nothing is run. */
  call(values: PickleValue<T>, named: readonly PickleValue<T>[] = []): void {
    const { host, unknown } = this.#options;
    const of = this.pop();
    if (!(of instanceof PickleGlobal || of instanceof PickleUnknown)) {
      this.fail(`expected a name to call in the pickle, got ${describe(of)}`);
    }
    this.#take(values);
    const given = [...this.#list(values), ...named];
    for (const each of given) this.#take(each);
    const made = of instanceof PickleGlobal ? host.call(of.name, given) : undefined;
    if (made === undefined && unknown !== "keep") {
      this.fail(`refused, since loading it would run ${describeCall(of, given)}`, askForOne);
    }
    this.push(made ?? new PickleUnknown(describeCall(of, given)));
  }

  /** Gives the value on top the state that was saved of it. */
  build(state: PickleValue<T>): void {
    const target = this.top();
    if (target instanceof PickleUnknown) return;
    this.#take(state);
    if (target instanceof PickleRecord) this.#setFields(target, state);
    // A state dict carries its `_metadata` so: versions of modules, nothing of the tensors.
    else if (!(target instanceof Map && state instanceof Map)) {
      this.fail(`refused, since loading it would set the state of ${describe(target)}`);
    }
  }

  /** Counts what is gone through. */
  #take(value: PickleValue<T>): void {
    if (typeof value === "string" || Array.isArray(value) || value instanceof Uint8Array) {
      this.#left -= value.length;
    } else if (value instanceof Map || value instanceof Set) this.#left -= value.size;
    if (this.#left < 0)
      this.fail("refused, since its pickle's calls would take far more values than the pickle has");
  }

  #setFields(record: PickleRecord<T>, state: PickleValue<T>): void {
    if (!(state instanceof Map || Array.isArray(state))) {
      this.fail(`expected fields of an object, got ${describe(state)}`);
    }
    for (const [key, value] of state.entries()) {
      if (typeof key !== "string" && typeof key !== "number") {
        this.fail(`expected fields of an object by name, got ${describe(key)}`);
      }
      record.fields.set(String(key), value);
    }
  }

  remember(index: number = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.fail(`expected something under ${index} in the pickle's memo, got nothing`);
    this.push(value);
  }

  #list(value: PickleValue<T>): PickleValue<T>[] {
    return Array.isArray(value) ? value : this.fail(`expected a list in the pickle, got ${describe(value)}`);
  }
}
