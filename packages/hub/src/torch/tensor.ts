import { type SafetensorsDtype, safetensorsTypes } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { describe } from "./describe.js";
import type { PickleHost, PickleValue } from "./pickle-value.js";
import { isPlainName, plainCalls } from "./plain.js";

/** The bytes that tensors are views of. */
export interface TorchStorage {
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  /** Values, as the pickle says. */
  readonly length: number;
}

/** A tensor of a PyTorch file: where its values are, not the values. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly dtype: SafetensorsDtype,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    /** The first value's place in the storage. */
    readonly offset: number,
  ) {}
}

/** A checkpoint's content without its tensors' values. Dictionaries and namespaces are maps, tuples lists. */
export type TorchValue = PickleValue<TorchTensor | TorchStorage>;

const storages: Readonly<Record<string, SafetensorsDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
  UntypedStorage: "U8",
};

const dtypes: Readonly<Record<string, SafetensorsDtype>> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint8": "U8",
  "torch.uint16": "U16",
  "torch.uint32": "U32",
  "torch.uint64": "U64",
  "torch.bool": "BOOL",
};

/** Bytes of a value. */
export const widthOf = (dtype: SafetensorsDtype): number => safetensorsTypes[dtype].BYTES_PER_ELEMENT;

/** PyTorch has no more than 64 dimensions anywhere. */
const mostDimensions = 64;

type Value = PickleValue<TorchTensor | TorchStorage>;

/**
 * What the names in a `torch.save` file mean: tensors, their storages, ordered dictionaries, sizes, namespaces.
 * @param onStorage told of each storage the pickle names, each time
 */
export function torchHost(
  source: string,
  onStorage: (storage: TorchStorage) => void,
): PickleHost<TorchTensor | TorchStorage> {
  const fail = (message: string): never => {
    throw new SitError("bad-file", `${source}: ${message}`);
  };
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const counts = (what: string, value: Value | undefined): number[] =>
    Array.isArray(value) && value.length <= mostDimensions && value.every(isCount)
      ? (value as number[])
      : fail(`expected ${what} of a tensor, at most ${mostDimensions} whole numbers, got ${describe(value)}`);

  const view = (
    [storage, offset, shape, strides]: readonly Value[],
    dtype?: SafetensorsDtype,
  ): TorchTensor => {
    if (!isStorage(storage)) return fail(`expected a storage of a tensor, got ${describe(storage)}`);
    if (!isCount(offset)) return fail(`expected the offset of a tensor, got ${describe(offset)}`);
    const sides = counts("a shape", shape);
    const steps = counts("strides", strides);
    if (sides.length !== steps.length)
      fail(`expected ${sides.length} strides of a tensor, got ${steps.length}`);
    const tensor = new TorchTensor(storage, dtype ?? storage.dtype, [...sides], [...steps], offset);
    checkView(tensor, fail);
    return tensor;
  };

  const calls: Readonly<Record<string, (values: readonly Value[]) => Value | undefined>> = {
    ...plainCalls<TorchTensor | TorchStorage>(fail),
    "torch.Size": (values) => counts("a size", values[0]),
    "torch._utils._rebuild_tensor": (values) => view(values),
    "torch._utils._rebuild_tensor_v2": (values) => view(values),
    "torch._utils._rebuild_tensor_v3": (values) => {
      const dtype = typeof values[6] === "string" ? dtypes[values[6]] : undefined;
      return view(values, dtype ?? fail(`expected a known dtype of a tensor, got ${describe(values[6])}`));
    },
    "torch._utils._rebuild_parameter": ([tensor]) =>
      tensor instanceof TorchTensor
        ? tensor
        : fail(`expected the tensor of a parameter, got ${describe(tensor)}`),
  };
  // Python 2's names, and NumPy's before version 2.
  const named = (name: string) =>
    name.replace(/^__builtin__[.]/, "builtins.").replace(/^numpy[.]core[.]/, "numpy._core.");

  return {
    value: (name) =>
      Object.hasOwn(dtypes, name) || storageOf(name) !== undefined || isPlainName(named(name))
        ? name
        : undefined,
    isCallable: (name) => Object.hasOwn(calls, named(name)),
    call: (name, values) => (Object.hasOwn(calls, named(name)) ? calls[named(name)]?.(values) : undefined),
    persistent(id) {
      const [kind, type, key, , length] = Array.isArray(id) ? id : [];
      if (kind !== "storage" || typeof key !== "string" || !isCount(length)) {
        return fail(`expected a persistent id of a storage, got ${describe(id)}`);
      }
      const dtype = typeof type === "string" ? storageOf(type) : undefined;
      if (dtype === undefined) return fail(`expected a known type of storage, got ${describe(type)}`);
      // A view of another storage's middle, as versions before 0.4 wrote them.
      if (Array.isArray(id) && id[5] !== undefined && id[5] !== null)
        fail("expected a storage, got a view of one");
      const storage = { key, dtype, length };
      onStorage(storage);
      return storage;
    },
  };
}

/** The element type of a storage's class, as `torch.FloatStorage`. */
function storageOf(name: string): SafetensorsDtype | undefined {
  const [, type = ""] = /^torch[.](?:storage[.])?(\w+)$/.exec(name) ?? [];
  return Object.hasOwn(storages, type) ? storages[type] : undefined;
}

function isStorage(value: unknown): value is TorchStorage {
  return (
    typeof value === "object" && value !== null && "key" in value && "dtype" in value && "length" in value
  );
}

/** How many values a view has, and the place after its last one, in values of its storage. */
export function spanOf({ shape, strides, offset }: TorchTensor): { count: number; end: number } {
  const count = shape.reduce((product, side) => product * side, 1);
  if (count === 0) return { count, end: offset };
  const end = shape.reduce((last, side, i) => last + (side - 1) * (strides[i] as number), offset) + 1;
  return { count, end };
}

/** A view must lie in its storage, and have no more values than that: a stride of 0 could make any number of them. */
function checkView(tensor: TorchTensor, fail: (message: string) => never): void {
  const { storage, dtype, shape } = tensor;
  const bytes = storage.length * widthOf(storage.dtype);
  const { count, end } = spanOf(tensor);
  const shown = `[${shape.slice(0, 8).join(", ")}]`;
  if (!Number.isSafeInteger(end) || end * widthOf(dtype) > bytes) {
    fail(
      `expected a tensor ${shown} within its storage of ${bytes} bytes, got one up to ${end * widthOf(dtype)}`,
    );
  }
  if (count * widthOf(dtype) > bytes) {
    fail(`expected a tensor ${shown} of at most the ${bytes} bytes of its storage, got ${count} values`);
  }
}
