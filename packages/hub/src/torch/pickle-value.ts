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
  | PickleUnknown
  | T;

/** An object of a known class as its fields, such as an `argparse.Namespace`; those of a tuple are numbered. */
export class PickleRecord<T> {
  readonly fields = new Map<string, PickleValue<T>>();
  /** @param name of the class */
  constructor(readonly name: string) {}
}

/** A name in a Python module that the pickle refers to. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** In the place of what a name that is not known would have made: nothing but what the pickle says of it. */
export class PickleUnknown {
  /** @param text the call, as Python would write it */
  constructor(readonly text: string) {}
}

/** What names mean. Nothing else of a pickle has any effect. */
export interface PickleHost<T> {
  /** Known names that are values themselves, as `torch.float32`; undefined for others. */
  value(name: string): PickleValue<T> | undefined;
  /** Known names that are called; `undefined` where the name is not known. Throws where the arguments are wrong. */
  call(name: string, values: readonly PickleValue<T>[]): PickleValue<T> | undefined;
  /** Whether `call` knows the name. */
  isCallable(name: string): boolean;
  /** What a persistent id stands for. */
  persistent(id: PickleValue<T>): PickleValue<T>;
}
