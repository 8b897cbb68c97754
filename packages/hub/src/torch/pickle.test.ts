import { describe, expect, it } from "vitest";
import { tensorsByName } from "./names.js";
import { readPickle } from "./pickle.js";
import { torchHost } from "./tensor.js";

const letters = (text: string) => [...new TextEncoder().encode(text)];
const name = (module: string, of: string) => [0x63, ...letters(`${module}\n${of}\n`)];
const text = (of: string) => [0x58, ...new Uint8Array(Uint32Array.of(of.length).buffer), ...letters(of)];
const remember = (place: number) => [0x71, place];
const recall = (place: number) => [0x68, place];
const [tuple1, tuple2, call, drop, none, stop] = [0x85, 0x86, 0x52, 0x30, 0x4e, 0x2e];
const times = (count: number, opcodes: readonly number[]) =>
  Array.from({ length: count }, () => opcodes).flat();

const read = (...opcodes: (number | readonly number[])[]) => {
  const bytes = Uint8Array.from([0x80, 2, ...opcodes.flat(), stop]);
  const source = "some.pth";
  return readPickle(bytes, { host: torchHost(source, () => undefined), source }).value;
};

describe("a pickle whose memo multiplies what it has", () => {
  it("by texts that are each twice the one before is refused", () => {
    const twice = [
      ...name("pathlib", "PosixPath"),
      ...recall(0),
      ...recall(0),
      tuple2,
      call,
      ...remember(0),
      drop,
    ];
    const pickle = () => read(text("a".repeat(100)), remember(0), drop, ...times(40, twice), none);
    expect(pickle).toThrow(/^some.pth: refused, since its pickle's calls would take far more values than/);
    expect(read(text("a"), remember(0), drop, ...times(3, twice), recall(0))).toHaveLength(15);
  });

  it("by a long list that is given to call after call is refused", () => {
    const list = [0x5d, 0x28, ...Array(5000).fill(none), 0x65, tuple1];
    const sets = [...name("__builtin__", "set"), ...recall(1), call, drop];
    const pickle = (count: number) => () => read(list, remember(1), drop, ...times(count, sets), none);
    expect(pickle(2)()).toBe(null);
    expect(pickle(1000)).toThrow(/far more values than the pickle has/);
  });

  it("by names is refused", () => {
    const global = [...recall(0), ...recall(0), 0x93, drop];
    expect(() => read(text("a".repeat(2000)), remember(0), drop, ...global, none)).toThrow(
      /expected a name of at most 1000 letters/,
    );
  });
});

it("a tensor of a name without end is refused", () => {
  const storage = [
    0x28,
    text("storage"),
    name("torch", "FloatStorage"),
    text("0"),
    text("cpu"),
    0x4b,
    1,
    0x74,
    0x51,
  ];
  const tensor = [
    ...name("torch._utils", "_rebuild_tensor_v2"),
    ...[0x28, storage, 0x4b, 0, 0x4b, 1, tuple1, 0x4b, 1, tuple1, 0x74, call].flat(3),
  ];
  const named = (key: string) => read(0x7d, text(key), tensor, 0x73);
  expect(Object.keys(tensorsByName(named("weight"), "some.pth", 100))).toEqual(["weight"]);
  expect(() => tensorsByName(named("w".repeat(1001)), "some.pth", 100)).toThrow(
    /^some.pth: expected names of at most 1000 letters, got w{80}…$/,
  );
});
