import { printable, SitError } from "@sitjs/core/errors";
import { PickleBytes } from "./bytes.js";

/** What a pickle may hold here. Tuples are lists; `T` is what the host makes of persistent ids and of calls. */
export type PickleValue<T> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue<T>[]
  | Map<PickleValue<T>, PickleValue<T>>
  | Set<PickleValue<T>>
  | PickleRecord<T>
  | PickleGlobal
  | T;

/** An object of named fields, such as an `argparse.Namespace`. */
export class PickleRecord<T> {
  readonly fields = new Map<string, PickleValue<T>>();
}

/** A name in a Python module that the pickle refers to. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** What names mean. Nothing else of a pickle has any effect. */
export interface PickleHost<T> {
  /** Known names that are values themselves, as `torch.float32`; undefined for others. */
  value(name: string): PickleValue<T> | undefined;
  /** Known names that are called; `undefined` where the name is not known. Throws where the arguments are wrong. */
  call(name: string, values: readonly PickleValue<T>[]): PickleValue<T> | undefined;
  /** What a persistent id stands for. */
  persistent(id: PickleValue<T>): PickleValue<T>;
}

interface Options<T> {
  readonly host: PickleHost<T>;
  /** What to call the file in errors. */
  readonly source: string;
  /** Where the pickle begins (default 0). */
  readonly start?: number;
}

const mark = Symbol("mark");
type Item<T> = PickleValue<T> | typeof mark;

/**
 * Reads one pickle (Python's `pickle`, protocols 2 to 5, as `torch.save` writes them). It is data here: names are
 * looked up in the host's closed list, and no code is loaded or run whatever the file says. What the list does not have
 * is refused by its name, with the arguments it was to be called with.
 *
 * @returns the value, and where in `bytes` the pickle ended
 * @throws SitError "bad-file"
 */
export function readPickle<T>(
  bytes: Uint8Array,
  { host, source, start = 0 }: Options<T>,
): { value: PickleValue<T>; end: number } {
  const input = new PickleBytes(bytes, start, source);
  const stack: Item<T>[] = [];
  const memo = new Map<number, PickleValue<T>>();
  /** The first unknown name: allowed to be on the stack until it is clear what was to be done with it. */
  let unknown: string | undefined;

  const fail = (message: string): never => {
    throw new SitError("bad-file", `${source}: ${message}`);
  };
  const push = (value: Item<T>): void => {
    stack.push(value);
  };
  const pop = (): PickleValue<T> => {
    const item = stack.pop();
    if (item === undefined || item === mark) return fail("expected a value on the pickle's stack, got none");
    return item as PickleValue<T>;
  };
  const top = (): PickleValue<T> => {
    const item = stack.at(-1);
    if (item === undefined || item === mark) return fail("expected a value on the pickle's stack, got none");
    return item as PickleValue<T>;
  };
  const popToMark = (): PickleValue<T>[] => {
    const at = stack.lastIndexOf(mark);
    if (at < 0) fail("expected a mark on the pickle's stack, got none");
    const values = stack.splice(at) as PickleValue<T>[];
    values.shift();
    return values;
  };
  const list = (value: PickleValue<T>): PickleValue<T>[] =>
    Array.isArray(value) ? value : fail(`expected a list in the pickle, got ${describe(value)}`);
  const setItems = (target: PickleValue<T>, items: readonly PickleValue<T>[]): void => {
    if (!(target instanceof Map)) fail(`expected a dictionary in the pickle, got ${describe(target)}`);
    if (items.length % 2 !== 0) fail("expected pairs of key and value in the pickle, got a key alone");
    for (let i = 0; i < items.length; i += 2) {
      (target as Map<PickleValue<T>, PickleValue<T>>).set(
        items[i] as PickleValue<T>,
        items[i + 1] as PickleValue<T>,
      );
    }
  };
  const global = (module: string, name: string): void => {
    const full = `${module}.${name}`;
    const value = host.value(full);
    push(value === undefined ? new PickleGlobal(full) : value);
  };
  const call = (of: PickleValue<T>, values: PickleValue<T>) => {
    if (!(of instanceof PickleGlobal))
      return fail(`expected a name to call in the pickle, got ${describe(of)}`);
    const made = host.call(of.name, list(values));
    if (made === undefined) {
      return fail(
        `refused, since loading it would run ${describe(of)}(${list(values).map(describe).join(", ")})`,
      );
    }
    push(made);
  };
  const build = (target: PickleValue<T>, state: PickleValue<T>) => {
    if (target instanceof PickleRecord) {
      if (!(state instanceof Map)) return fail(`expected fields of an object, got ${describe(state)}`);
      for (const [key, value] of state) {
        if (typeof key !== "string")
          return fail(`expected fields of an object by name, got ${describe(key)}`);
        target.fields.set(key, value);
      }
      return;
    }
    // A state dict carries its `_metadata` so: versions of modules, nothing of the tensors.
    if (target instanceof Map && state instanceof Map) return;
    fail(`refused, since loading it would set the state of ${describe(target)}`);
  };
  const remember = (index: number): void => {
    memo.set(index, top());
  };
  const recall = (index: number): void => {
    const value = memo.get(index);
    if (value === undefined) fail(`expected something under ${index} in the pickle's memo, got nothing`);
    push(value as PickleValue<T>);
  };

  for (;;) {
    const at = input.position;
    const opcode = input.uint8();
    switch (opcode) {
      case 0x80: {
        const protocol = input.uint8(); // PROTO
        if (protocol < 2 || protocol > 5) fail(`expected a pickle of protocol 2 to 5, got ${protocol}`);
        break;
      }
      case 0x95: // FRAME: how much follows, which the bytes say themselves
        input.uint64();
        break;
      case 0x2e: {
        const value = pop(); // STOP
        if (stack.length > 0) fail(`expected one value of the pickle, got ${stack.length + 1}`);
        if (unknown !== undefined) fail(`refused, since it refers to ${unknown}`);
        return { value, end: input.position };
      }
      case 0x28:
        push(mark);
        break;
      case 0x30: // POP
        if (stack.pop() === undefined) fail("expected a value on the pickle's stack, got none");
        break;
      case 0x31: // POP_MARK
        popToMark();
        break;
      case 0x32: // DUP
        push(top());
        break;
      case 0x4e:
        push(null);
        break;
      case 0x88:
        push(true);
        break;
      case 0x89:
        push(false);
        break;
      case 0x4a:
        push(input.int32());
        break;
      case 0x4b:
        push(input.uint8());
        break;
      case 0x4d:
        push(input.uint16());
        break;
      case 0x8a: // LONG1
        push(input.long(input.uint8()));
        break;
      case 0x8b: // LONG4
        push(input.long(input.uint32()));
        break;
      case 0x47:
        push(input.float64());
        break;
      case 0x58: // BINUNICODE
        push(input.text(input.uint32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        push(input.text(input.uint8()));
        break;
      case 0x8d: // BINUNICODE8
        push(input.text(input.uint64()));
        break;
      case 0x54: // BINSTRING of Python 2
        push(input.latin1(input.uint32()));
        break;
      case 0x55: // SHORT_BINSTRING
        push(input.latin1(input.uint8()));
        break;
      case 0x42: // BINBYTES
        push(input.bytes(input.uint32()));
        break;
      case 0x43: // SHORT_BINBYTES
        push(input.bytes(input.uint8()));
        break;
      case 0x8e: // BINBYTES8
        push(input.bytes(input.uint64()));
        break;
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        push([]);
        break;
      case 0x7d:
        push(new Map());
        break;
      case 0x8f:
        push(new Set());
        break;
      case 0x85: // TUPLE1
        push([pop()]);
        break;
      case 0x86: {
        const second = pop(); // TUPLE2
        push([pop(), second]);
        break;
      }
      case 0x87: {
        const third = pop(); // TUPLE3
        const second = pop();
        push([pop(), second, third]);
        break;
      }
      case 0x74: // TUPLE
      case 0x6c: // LIST
        push(popToMark());
        break;
      case 0x64: {
        const items = popToMark(); // DICT
        const made = new Map<PickleValue<T>, PickleValue<T>>();
        setItems(made, items);
        push(made);
        break;
      }
      case 0x61: {
        const value = pop(); // APPEND
        list(top()).push(value);
        break;
      }
      case 0x65: {
        const values = popToMark(); // APPENDS
        const target = list(top());
        for (const value of values) target.push(value);
        break;
      }
      case 0x73: {
        const value = pop(); // SETITEM
        const key = pop();
        setItems(top(), [key, value]);
        break;
      }
      case 0x75: {
        const items = popToMark(); // SETITEMS
        setItems(top(), items);
        break;
      }
      case 0x90: {
        const values = popToMark(); // ADDITEMS
        const target = top();
        if (!(target instanceof Set)) fail(`expected a set in the pickle, got ${describe(target)}`);
        for (const value of values) (target as Set<PickleValue<T>>).add(value);
        break;
      }
      case 0x63: {
        const module = input.line(); // GLOBAL
        global(module, input.line());
        break;
      }
      case 0x93: {
        const name = pop(); // STACK_GLOBAL
        const module = pop();
        if (typeof name !== "string" || typeof module !== "string") fail("expected a name of two texts");
        global(module as string, name as string);
        break;
      }
      case 0x52: // REDUCE
      case 0x81: {
        const values = pop(); // NEWOBJ
        call(pop(), values);
        break;
      }
      case 0x62: {
        const state = pop(); // BUILD
        build(top(), state);
        break;
      }
      case 0x51: // BINPERSID
        push(host.persistent(pop()));
        break;
      case 0x71:
        remember(input.uint8());
        break;
      case 0x72:
        remember(input.uint32());
        break;
      case 0x94:
        remember(memo.size);
        break;
      case 0x68:
        recall(input.uint8());
        break;
      case 0x6a:
        recall(input.uint32());
        break;
      default:
        fail(`refused, since its pickle has opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at}`);
    }
    const made = stack.at(-1);
    if (made instanceof PickleGlobal && !isCallable(made, host)) unknown ??= describe(made);
  }
}

/** Whether the host has the name at all: it then throws for missing arguments or makes something. */
function isCallable<T>({ name }: PickleGlobal, host: PickleHost<T>): boolean {
  try {
    return host.call(name, []) !== undefined;
  } catch {
    return true;
  }
}

const longestShown = 80;

/** A name from the file as it can be shown: no control characters, and cut where it is long. */
export function shortName(name: string): string {
  return name.length > longestShown ? `${printable(name.slice(0, longestShown))}…` : printable(name);
}

/** A value in a few words for messages, as Python would write it. */
export function describe(value: unknown): string {
  if (value instanceof PickleGlobal) return shortName(value.name.replace(/^__builtin__[.]/, "builtins."));
  if (typeof value === "string") {
    const text = printable(JSON.stringify(value.slice(0, longestShown)));
    return value.length > longestShown ? `${text}…` : text;
  }
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) {
    const short = value.length <= 4 && !value.some(Array.isArray);
    return short ? `[${value.map(describe).join(", ")}]` : `a list of ${value.length}`;
  }
  if (value instanceof Map) return `a dictionary of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return "an object";
}
