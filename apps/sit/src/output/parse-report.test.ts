import { describe, expect, it } from "vitest";
import { parseReport } from "./parse-report.js";

describe("parseReport", () => {
  it("gives pixels as bytes, and names the file and the field where one is wrong", () => {
    const picture = { width: 2, height: 1, channels: 1, data: { base64: "AP8=" } };
    const row = { clean: picture, corrupted: picture, mask: picture, reconstruction: picture };
    const data = parseReport(
      JSON.stringify({ reconstructions: [{ title: "r", rows: [row] }] }),
      "report.json",
    );
    expect(data.reconstructions?.[0]?.rows[0]?.clean.data).toEqual(Uint8Array.of(0, 255));
    for (const [text, message] of [
      ["{", "report.json: expected JSON, got something else"],
      ['{"seed":"1"}', 'report.json: seed: expected a finite number, got "1"'],
    ] as const) {
      expect(() => parseReport(text, "report.json")).toThrow(
        expect.objectContaining({ code: "bad-file", message }),
      );
    }
  });
});
