import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandFaults } from "/work/wt/WRITES/reliability/faults/commands.mjs";
import { stoppedCommandFaults } from "/work/wt/WRITES/reliability/faults/stopped-commands.mjs";
import { meet } from "/work/wt/WRITES/reliability/faults.mjs";

const pat = new RegExp(process.argv[2] ?? ".");
const scratch = mkdtempSync(join(tmpdir(), "x-"));
for (const f of [...commandFaults, ...stoppedCommandFaults].filter((f) => pat.test(f.name))) {
  const r = await meet(f, { scratch, engine: "wasm", images: "", steps: 0, digest: "" });
  console.log(r.outcome, r.seconds, r.name, "::", r.said.slice(0, 300));
}
