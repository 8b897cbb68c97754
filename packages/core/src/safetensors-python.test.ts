import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
import {
  readSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.js";

const folder = fileURLToPath(new URL("../../../fixtures/safetensors/", import.meta.url));
const fixture = (name: string) => readSafetensors(readFileSync(join(folder, name)), name);

/** What `python.py` writes, by its own values. */
const everyType: SafetensorsFile = {
  tensors: {
    bool: { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
    u8: { dtype: "U8", shape: [2], data: Uint8Array.of(0, 255) },
    i8: { dtype: "I8", shape: [2], data: Int8Array.of(-128, 127) },
    u16: { dtype: "U16", shape: [2], data: Uint16Array.of(0, 65535) },
    i16: { dtype: "I16", shape: [2], data: Int16Array.of(-32768, 32767) },
    f16: {
      dtype: "F16",
      shape: [2, 3],
      data: Uint16Array.of(0, 0x8000, 0x0001, 0x7bff, 0x7c00, 0x3555),
    },
    u32: { dtype: "U32", shape: [2], data: Uint32Array.of(0, 2 ** 32 - 1) },
    i32: { dtype: "I32", shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
    f32: {
      dtype: "F32",
      shape: [2, 2],
      data: Float32Array.of(0.5, -0, Number.NaN, Number.POSITIVE_INFINITY),
    },
    u64: { dtype: "U64", shape: [2], data: BigUint64Array.of(0n, 2n ** 64n - 1n) },
    i64: { dtype: "I64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) },
    f64: { dtype: "F64", shape: [1], data: Float64Array.of(Math.PI) },
    scalar: { dtype: "I32", shape: [], data: Int32Array.of(-7) },
    empty: { dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
    ["__proto__"]: { dtype: "U8", shape: [1], data: Uint8Array.of(9) },
    "naïve ✓": { dtype: "I32", shape: [2, 3], data: Int32Array.of(0, 1, 2, 3, 4, 5) },
  },
  metadata: { format: "np", note: "ünïcode ✓" },
};

/** A Python that has the package, or undefined. */
function findPython(): string | undefined {
  const candidates = [process.env.SITJS_PYTHON, "python3"].filter((command) => command !== undefined);
  return candidates.find(
    (command) =>
      spawnSync(command, ["-c", "import numpy; from safetensors import TensorSpec"], { timeout: 30_000 })
        .status === 0,
  );
}

describe("safetensors of Python's package", () => {
  it("are read with every element type, shape, name and metadata", () => {
    const { tensors, metadata } = fixture("every-type.safetensors");
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(everyType.tensors).sort());
    for (const [name, entry] of Object.entries(everyType.tensors)) expect(tensors[name], name).toEqual(entry);
    expect({ ...metadata }).toEqual(everyType.metadata);
  });

  it("hold 16-bit floats that become float32", () => {
    const { f16 } = fixture("every-type.safetensors").tensors;
    // 1/3 rounded to 11 significant bits.
    const halves = [0, -0, 2 ** -24, 65504, Number.POSITIVE_INFINITY, 1365 / 4096];
    expect([...float16ToFloat32(f16?.data as Uint16Array)]).toEqual(halves);
    const { bf16 } = fixture("bfloat16.safetensors").tensors;
    expect(bf16).toMatchObject({ dtype: "BF16", shape: [4] });
    // 1/3 rounded to 8 significant bits.
    const values = [1, -2, 171 / 512, Number.POSITIVE_INFINITY];
    expect([...bfloat16ToFloat32(bf16?.data as Uint16Array)]).toEqual(values);
  });

  it("are read by Python where they are ours", ({ skip }) => {
    const python = findPython();
    if (python === undefined) return skip("no Python with safetensors here (SITJS_PYTHON)");
    const scratch = mkdtempSync(join(tmpdir(), "sitjs-safetensors-"));
    try {
      const path = join(scratch, "ours.safetensors");
      const bf16 = { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc000) } as const;
      const file = { ...everyType, tensors: { ...everyType.tensors, bf16 } };
      writeFileSync(path, writeSafetensors(file));
      const { status, stdout, stderr } = spawnSync(python, [join(folder, "python.py"), "read", path], {
        encoding: "utf8",
        timeout: 60_000,
      });
      expect(status, stderr).toBe(0);
      const read = JSON.parse(stdout);
      expect(read.metadata).toEqual(file.metadata);
      const bytes = ({ buffer, byteOffset, byteLength }: SafetensorsEntry["data"]) =>
        Buffer.from(buffer, byteOffset, byteLength).toString("hex");
      const ours = Object.entries(file.tensors).map(([name, { dtype, shape, data }]) => [
        name,
        { dtype, shape, bytes: bytes(data) },
      ]);
      expect(read.tensors.sort()).toEqual(ours.sort());
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});
