import { randomStream } from "@sitjs/core/random";
import { decode } from "fast-png";
import { expect, test } from "vitest";
import { encodePng, maskPicture, pngDataUrl } from "./png.js";

test.each([1, 3, 4] as const)("a PNG with %i channels holds the pixels it was given", (channels) => {
  const data = Array.from({ length: 3 * 2 * channels }, (_, i) => (i * 41) % 256);
  const decoded = decode(encodePng({ width: 3, height: 2, channels, data }));
  expect([decoded.width, decoded.height, decoded.channels]).toEqual([3, 2, channels]);
  expect([...decoded.data]).toEqual(data);
});

test("the data URL is the file in base64, also where it is long", () => {
  const random = randomStream(0, "noise");
  const picture = {
    width: 120,
    height: 120,
    channels: 1 as const,
    data: Uint8Array.from({ length: 14_400 }, () => random.integer(0, 256)),
  };
  const file = Buffer.from(pngDataUrl(picture).replace("data:image/png;base64,", ""), "base64");
  expect(file.length).toBeGreaterThan(8192);
  expect(file.equals(encodePng(picture))).toBe(true);
});

test("a mask is black where kept and white where corrupted, whether it came as 0 and 1 or 0 and 255", () => {
  for (const one of [1, 255]) {
    const mask = maskPicture({ width: 2, height: 1, channels: 1, data: [0, one] });
    expect([...Uint8Array.from(mask.data)]).toEqual([0, 255]);
  }
});

test("sizes that do not agree are named", () => {
  expect(() => encodePng({ width: 2, height: 2, channels: 3, data: [1, 2, 3] })).toThrow(
    /picture\.data: expected 12 values/,
  );
  expect(() => encodePng({ width: 0, height: 2, channels: 3, data: [] })).toThrow(/picture\.width/);
});
