import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SitError } from "./errors.js";
import { decodeText, describeJson, parseJson, parseJsonBytes } from "./json.js";

describe("parseJson", () => {
  it("gives what JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 2, "\t"), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), null, space);
        expect(parseJson(text, "x")).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"a":1,"a":2}', '"a"'],
    ['{"a":1,"b":{"a":1},"\\u0061":2}', '"a"'],
    ['[{"a":1},{"b":[{"c":"}","c":0}]}]', '"c"'],
    ['{"__proto__":1,"__proto__":2}', '"__proto__"'],
    ['{"":{"x\\"":[],"x\\"":{}}}', '"x\\""'],
  ])("refuses a key twice: %s", (text, key) => {
    expect(() => parseJson(text, "some.json")).toThrow(
      `some.json: expected each key of an object once, got ${key} twice`,
    );
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"b","b":"a"}',
    '{"a":["a","a",{"a":0},"a"],"b":"a"}',
    '"a"',
  ])("takes the same key in different objects, and as a value: %s", (text) => {
    expect(parseJson(text, "x")).toEqual(JSON.parse(text));
  });

  it.each(["", "{", "nul", '{"a":1,}', '"\n"', "{} {}"])("refuses what is no JSON: %j", (text) => {
    expect(() => parseJson(text, "some.json")).toThrow(SitError);
    expect(() => parseJson(text, "some.json")).toThrow(/^some\.json: expected JSON, got something else/);
  });

  it("survives a hundred thousand brackets", () => {
    const depth = 100_000;
    const text = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(describeJson(parseJson(text, "x"))).toBe("a list of 1");
    expect(() => parseJson(`${text}]`, "x")).toThrow(SitError);
  });

  it("reads UTF-8 with or without a byte order mark, and nothing else", () => {
    expect(parseJsonBytes(new TextEncoder().encode("\ufeff[1]"), "x")).toEqual([1]);
    expect(() => decodeText(Uint8Array.of(0xc0, 0xaf), "some.json")).toThrow(/^some\.json: expected UTF-8/);
  });
});

describe("describeJson", () => {
  it.each([
    ["a".repeat(1000), `"${"a".repeat(60)}"…`],
    [[1, 2, 3], "[1, 2, 3]"],
    [["a"], "a list of 1"],
    [{ a: 1 }, "an object"],
    [null, "null"],
    [undefined, "nothing"],
    [-0.5, "-0.5"],
  ])("is short", (value, text) => {
    expect(describeJson(value)).toBe(text);
  });
});
