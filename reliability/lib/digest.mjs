import { createHash } from "node:crypto";

/**
 * SHA-256 of everything that training changes: the names, types, shapes and bits of student, teacher and optimizer, in
 * the order of their names, and the counts of steps.
 *
 * @param {import("@sitjs/train").TrainState} state
 */
export function digestOf({ student, teacher = {}, optimizer, step, skipped }) {
  const hash = createHash("sha256").update(JSON.stringify({ step, skipped }));
  for (const [section, params] of Object.entries({ student, teacher, optimizer })) {
    for (const name of Object.keys(params).sort()) {
      const { dtype, shape } = params[name];
      hash.update(JSON.stringify([section, name, dtype, shape]));
      const values = /** @type {Float32Array} */ (params[name].dataSync());
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  }
  return hash.digest("hex");
}
