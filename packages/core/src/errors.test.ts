import { describe, expect, it } from "vitest";
import { printable, requireOption, SitError } from "./errors.js";

describe("SitError", () => {
  it("carries code, mend and cause", () => {
    const cause = new Error("no route");
    const error = new SitError("network", "index: expected an answer, got none", {
      mend: "Go online.",
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect({ ...error, message: error.message, cause: error.cause, name: error.name }).toMatchObject({
      code: "network",
      mend: "Go online.",
      name: "SitError",
      message: "index: expected an answer, got none",
      cause,
    });
    expect("cause" in new SitError("disk", "full")).toBe(false);
  });

  it("is known across copies of the package by its marker, and nothing else is", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("sitjs.error")]: true });
    expect(SitError.isInstance(new SitError("disk", "full"))).toBe(true);
    expect(SitError.isInstance(foreign)).toBe(true);
    for (const other of [new Error("x"), null, undefined, "SitError", { name: "SitError" }]) {
      expect(SitError.isInstance(other)).toBe(false);
    }
  });

  it("requireOption names the option, what was expected and what came", () => {
    expect(() => requireOption(true, "depth", "a number", 1)).not.toThrow();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const cases: [unknown, string][] = [
      [-1, "-1"],
      ["x", '"x"'],
      [Number.NaN, "NaN"],
      [undefined, "undefined"],
      [[1, 2], "[1,2]"],
      [() => 1, "a function"],
      [circular, "[object Object]"],
      ["x".repeat(1000), `"${"x".repeat(199)}…`],
    ];
    for (const [got, shown] of cases) {
      expect(() => requireOption(false, "depth", "a number", got)).toThrow(
        `depth: expected a number, got ${shown}`,
      );
    }
  });
});

describe("printable", () => {
  it("writes what could forge output as an escape", () => {
    expect(printable("a\nb\r\t\u001b[2J\u007f\u009b")).toBe("a\\nb\\u{d}\\u{9}\\u{1b}[2J\\u{7f}\\u{9b}");
    expect(printable("\u202egpj.exe\u2066\u2028\u2029")).toBe("\\u{202e}gpj.exe\\u{2066}\\u{2028}\\u{2029}");
    expect(printable("half \ud83d of a pair")).toBe("half \\u{d83d} of a pair");
  });

  it("leaves names of every script alone", () => {
    for (const name of [
      "a b.jpg",
      "é e\u0301",
      "日本",
      "فا\u200cرسی",
      "📷👩\u200d🔬",
      "C:\\photos\\x.jpg",
      "",
    ]) {
      expect(printable(name)).toBe(name);
    }
  });

  it("is what a bad option's value goes through", () => {
    expect(() => requireOption(false, "name", "a name", "x\u202e\u009b\n")).toThrow(
      'name: expected a name, got "x\\u{202e}\\u{9b}\\n"',
    );
  });
});
