import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readSafetensors, type SafetensorsFile, writeSafetensors } from "../safetensors.js";
import { openSafetensors } from "./index.js";

const scratch = mkdtempSync(join(tmpdir(), "sitjs-open-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const file: SafetensorsFile = {
  tensors: {
    weight: { dtype: "F32", shape: [2, 2], data: Float32Array.of(0.5, -1, 3, 4) },
    count: { dtype: "I64", shape: [], data: BigInt64Array.of(-5n) },
    bytes: { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) },
    empty: { dtype: "F16", shape: [0], data: new Uint16Array(0) },
  },
  metadata: { format: "pt" },
};

function write(name: string, bytes: Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

describe("openSafetensors", () => {
  it("tells what a file holds, and reads each tensor as the whole file would give it", async () => {
    const bytes = writeSafetensors(file);
    const opened = await openSafetensors(write("model.safetensors", bytes));
    try {
      const whole = readSafetensors(bytes);
      expect({ ...opened.metadata }).toEqual(file.metadata);
      expect(Object.keys(opened.tensors)).toEqual(Object.keys(whole.tensors));
      for (const name of Object.keys(whole.tensors))
        expect(await opened.read(name)).toEqual(whole.tensors[name]);
      await expect(opened.read("constructor")).rejects.toMatchObject({ code: "bad-parameters" });
      await expect(opened.read("constructor")).rejects.toThrow(/got only count, weight, empty, bytes/);
    } finally {
      await opened.close();
    }
  });

  it("takes no memory for tensors that are not read", async () => {
    const path = join(scratch, "sparse.safetensors");
    const size = 2 ** 33; // 8 GiB, of which the disk holds the header alone
    const header = JSON.stringify({ w: { dtype: "U8", shape: [size], data_offsets: [0, size] } });
    const start = new Uint8Array(8 + header.length);
    new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
    start.set(new TextEncoder().encode(header), 8);
    writeFileSync(path, start);
    truncateSync(path, start.length + size);
    const before = process.memoryUsage().arrayBuffers;
    const opened = await openSafetensors(path);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(opened.tensors.w).toMatchObject({ dtype: "U8", shape: [size] });
    await opened.close();
  });

  it("refuses a file that has become shorter meanwhile", async () => {
    const bytes = writeSafetensors(file);
    const path = write("shrinking.safetensors", bytes);
    const opened = await openSafetensors(path);
    truncateSync(path, bytes.length - 12);
    await expect(opened.read("weight")).rejects.toMatchObject({ code: "bad-file" });
    await expect(opened.read("weight")).rejects.toThrow(
      /shrinking.* expected 16 bytes from \d+ on, got an end after/,
    );
    await opened.close();
  });

  it.each([
    ["nothing in it", new Uint8Array(0), /expected at least 8 bytes, got 0/],
    ["a header longer than the file", writeSafetensors(file).subarray(0, 20), /expected a header of/],
    ["cut-off data", writeSafetensors(file).subarray(0, -1), /expected data up to/],
  ])("refuses a file with %s and leaves it closed", async (_, bytes, message) => {
    const path = write("bad.safetensors", bytes);
    await expect(openSafetensors(path)).rejects.toThrow(message);
    await expect(openSafetensors(path)).rejects.toThrow(path);
  });

  it("refuses a missing file, a folder and a pipe, and does not wait for the pipe", async ({ skip }) => {
    await expect(openSafetensors(join(scratch, "none"))).rejects.toMatchObject({ code: "missing-file" });
    await expect(openSafetensors(scratch)).rejects.toMatchObject({ code: "bad-file" });
    const pipe = join(scratch, "pipe");
    if (spawnSync("mkfifo", [pipe]).status !== 0) return skip("no named pipes here");
    await expect(openSafetensors(pipe)).rejects.toThrow(/expected a file, got a pipe/);
  }, 10_000);
});
