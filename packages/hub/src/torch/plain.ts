import { describe } from "./describe.js";
import { PickleRecord, type PickleValue } from "./pickle-value.js";

/** Classes that are only referred to, as what a `defaultdict` fills up with. */
const plainNames: ReadonlySet<string> = new Set(
  ["dict", "list", "tuple", "int", "float", "str", "bool", "object"].map((name) => `builtins.${name}`),
).add("numpy.ndarray");

export const isPlainName = (name: string): boolean => plainNames.has(name);

/**
 * What else training code saves beside tensors: containers and scalars of Python's and NumPy's libraries, each as the
 * plain value it holds. Arrays of NumPy are records of their shape, type and bytes.
 */
export function plainCalls<T>(
  fail: (message: string) => never,
): Readonly<Record<string, (values: readonly PickleValue<T>[]) => PickleValue<T> | undefined>> {
  type Value = PickleValue<T>;
  const list = (value: Value | undefined): Value[] =>
    Array.isArray(value) ? value : fail(`expected a list in the pickle, got ${describe(value)}`);
  const pairs = (values: readonly Value[]): Map<Value, Value> => {
    const made = new Map<Value, Value>();
    for (const pair of values.length === 0 ? [] : list(values[0])) {
      const [key, value] = list(pair);
      if (key === undefined || value === undefined) fail("expected pairs of an OrderedDict in the pickle");
      made.set(key as Value, value as Value);
    }
    return made;
  };
  const record = (name: string) => () => new PickleRecord<T>(name);
  const texts = (separator: string) => (values: readonly Value[]) =>
    values.map((value) => (typeof value === "string" ? value : describe(value))).join(separator);
  const path = texts("/");
  return {
    "collections.OrderedDict": pairs,
    // Its one argument is the class of what is not there yet.
    "collections.defaultdict": () => new Map(),
    "collections.Counter": ([counted]) => (counted instanceof Map ? counted : new Map()),
    "builtins.set": (values) => new Set(values.length === 0 ? [] : list(values[0])),
    "torch.device": texts(":"),
    "torch.torch_version.TorchVersion": texts(""),
    "pathlib.PosixPath": path,
    "pathlib.PurePosixPath": path,
    "pathlib.WindowsPath": path,
    "pathlib.PureWindowsPath": path,
    "argparse.Namespace": (values) => {
      if (values.length > 0) fail(`expected an empty argparse.Namespace, got ${values.length} arguments`);
      return new PickleRecord<T>("argparse.Namespace");
    },
    // Bytes, as protocol 2 writes them.
    "_codecs.encode": ([text, encoding]) =>
      typeof text === "string" && encoding === "latin1"
        ? Uint8Array.from(text, (letter) => letter.charCodeAt(0))
        : undefined,
    "numpy.dtype": ([name]) => {
      const made = new PickleRecord<T>("numpy.dtype");
      made.fields.set("name", name ?? null);
      return made;
    },
    "numpy._core.multiarray._reconstruct": record("numpy.ndarray"),
    "numpy._core.multiarray.scalar": ([type, bytes]) => scalar(type, bytes),
  };
}

/** A scalar of NumPy as a number; undefined for types that are none. */
function scalar<T>(type: PickleValue<T> | undefined, bytes: PickleValue<T> | undefined) {
  if (!(type instanceof PickleRecord && bytes instanceof Uint8Array)) return undefined;
  const name = type.fields.get("name");
  const [, kind, digits] = (typeof name === "string" && /^([fiub])([1248])$/.exec(name)) || [];
  const width = Number(digits);
  if (kind === undefined || bytes.length !== width) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, width);
  // The state of a dtype is its version, its byte order and more.
  const little = type.fields.get("1") !== ">";
  if (kind === "b") return view.getUint8(0) !== 0;
  if (kind === "f") {
    if (width === 8) return view.getFloat64(0, little);
    return width === 4 ? view.getFloat32(0, little) : undefined;
  }
  const order = little ? bytes.toReversed() : bytes;
  const unsigned = order.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const exact = kind === "i" ? BigInt.asIntN(8 * width, unsigned) : unsigned;
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}
