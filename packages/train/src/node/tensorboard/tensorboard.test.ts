import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SitError } from "@sitjs/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { crc32c, maskedCrc32c } from "./crc32c.js";
import { summaryEvent } from "./event.js";
import { cutEventFiles, openEventFile } from "./event-file.js";
import { tfRecord } from "./record.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sit-events-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** One pixel, red. */
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);
const values = (step: number) => ({ scalars: { loss: 1 / (step + 1), "gradient/norm": step } });

describe("crc32c", () => {
  // RFC 3720, appendix B.4; the last is the check value of CRC-32C in Koopman's and RevEng's catalogues.
  it.each([
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ])("of %s", (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));

  it("is masked as TensorFlow's crc32c.h says", () => {
    const bytes = new TextEncoder().encode("123456789");
    const crc = 0xe3069283n;
    const masked = (((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn;
    expect(maskedCrc32c(bytes)).toBe(Number(masked));
  });
});

/** Written by TensorBoard's own protobuf and record writer: `fixtures/tensorboard/make.py`. */
const golden = JSON.parse(
  readFileSync(new URL("../../../../../fixtures/tensorboard/events.json", import.meta.url), "utf8"),
) as { wallTime: number; records: Record<string, string> };
const made = {
  scalars: { scalars: { loss: 0.5, "accuracy/k-NN": 0.25 } },
  images: { images: { reconstruction: { width: 1, height: 1, png } } },
  texts: { texts: { settings: "| width | 64 |" } },
};

describe("events", () => {
  it.each(["scalars", "images", "texts"] as const)("with %s are TensorBoard's bytes", (kind) => {
    const record = tfRecord(summaryEvent(golden.wallTime, 300, made[kind]));
    expect(record.toString("hex")).toBe(golden.records[kind]);
  });

  it("are TensorBoard's bytes where a file begins, anew and to go on", async () => {
    const now = () => 1000 * golden.wallTime;
    const [first, second] = [
      await openEventFile(folder, { now }),
      await openEventFile(folder, { now, resumedAt: 299 }),
    ];
    first.close();
    second.close();
    const names = readdirSync(folder).sort();
    expect(names).toEqual(["events.out.tfevents.1700000000.0000", "events.out.tfevents.1700000000.0001"]);
    const [begun, resumed] = names.map((name) => readFileSync(join(folder, name)).toString("hex"));
    expect(begun).toBe(golden.records.version);
    expect(resumed).toBe(`${golden.records.version}${golden.records.session}`);
  });

  it("has nowhere to go in a folder there is not", async () => {
    await expect(openEventFile(join(folder, "none"))).rejects.toThrow(SitError);
  });
});

/** What TensorBoard's own reader finds in the folder. */
const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
tags = events.Tags()
print(json.dumps({
    "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "images": {tag: [[e.step, e.width, e.height, e.encoded_image_string.hex()] for e in events.Images(tag)]
               for tag in tags["images"]},
    "tensors": {tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in events.Tensors(tag)]
                for tag in tags["tensors"]},
}))
`;
const python = process.env.SIT_TENSORBOARD_PYTHON ?? "python3";
const hasTensorBoard = (() => {
  try {
    execFileSync(python, ["-c", "import tensorboard"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
if (!hasTensorBoard) {
  console.info(
    `TensorBoard's reader is not tried: ${python} has no tensorboard (SIT_TENSORBOARD_PYTHON names another Python)`,
  );
}
const read = () => JSON.parse(execFileSync(python, ["-c", reader, folder], { encoding: "utf8" }));

describe("a run that was killed and goes on", () => {
  const write = async () => {
    const first = await openEventFile(folder, { now: () => 1.7e12 });
    first.write(0, { texts: { settings: "**width** 64" } });
    for (let step = 1; step <= 200; step++) first.write(step, values(step));
    first.flush();
    first.close();
    const [name] = readdirSync(folder) as [string];
    appendFileSync(join(folder, name), tfRecord(Buffer.from("half of it")).subarray(0, 9));
    await cutEventFiles(folder, 130);
    const second = await openEventFile(folder, { resumedAt: 130, now: () => 1.6e12 });
    for (let step = 131; step <= 140; step++) second.write(step, values(step));
    second.write(140, { images: { reconstruction: { width: 1, height: 1, png } } });
    second.close();
  };

  it("has each step once", async () => {
    await write();
    const [first, second] = readdirSync(folder).sort() as [string, string];
    // After the other, even by a clock that has gone back.
    expect([first, second]).toEqual([
      "events.out.tfevents.1700000000.0000",
      "events.out.tfevents.1700000000.0001",
    ]);
    const size = readFileSync(join(folder, first)).length;
    await cutEventFiles(folder, 130);
    expect(readFileSync(join(folder, first)).length).toBe(size);
    await cutEventFiles(folder, 129);
    expect(readFileSync(join(folder, first)).length).toBeLessThan(size);
    // Of the second nothing is left that was before.
    expect(readdirSync(folder)).toEqual([first]);
  });

  it("leaves what is no event file as it is", async () => {
    writeFileSync(join(folder, "history.jsonl"), "{}\n");
    await cutEventFiles(folder, 0);
    expect(readdirSync(folder)).toEqual(["history.jsonl"]);
  });

  it.skipIf(!hasTensorBoard)("is what TensorBoard reads", async () => {
    await write();
    const found = read();
    const steps = Array.from({ length: 140 }, (_, i) => i + 1);
    expect(found.scalars.loss).toEqual(steps.map((step) => [step, Math.fround(1 / (step + 1))]));
    expect(found.scalars["gradient/norm"]).toEqual(steps.map((step) => [step, step]));
    expect(found.images.reconstruction).toEqual([[140, 1, 1, png.toString("hex")]]);
    expect(found.tensors.settings).toEqual([[0, "**width** 64"]]);
  });
});
