// How time and memory of each parser grow with a file's size: node reliability/growth.mjs
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { describeMachine, machineLine } from "../benchmarks/lib/machine.mjs";
import { root } from "../scripts/lib/steps.mjs";
import { bundleOptions, scratchParent } from "./fuzz/run.mjs";

const usage = `node reliability/growth.mjs [options]

Parses ever larger files that a slow parser would stumble over, and says what processor time each takes. Ends with code 1
where a byte of the largest takes ten times what one of the smallest does, and the largest more than two seconds.

  --sizes LIST   megabytes, separated by commas (default 1,10)
  --help`;

/** Run in a process of its own, with the bundled cases; `report` is called for each. */
const program = `
import { large } from ${JSON.stringify(join(root, "reliability", "fuzz", "large.ts"))};
import { SitError } from "@sitjs/core/errors";
export async function grow(sizes, scratch, report) {
  for (const { target, what, make } of large) {
    target.open?.(scratch);
    const times = [];
    for (const size of sizes) {
      const file = make(size);
      const before = process.cpuUsage();
      let outcome = "read";
      try {
        await target.parse(file);
      } catch (error) {
        outcome = SitError.isInstance(error) && target.codes.includes(error.code) ? "refused" : "FAILED: " + error;
      }
      const { user, system } = process.cpuUsage(before);
      times.push({ bytes: file.length, seconds: (user + system) / 1e6, outcome });
    }
    report({ name: target.name, what, times });
  }
}`;

function readSizes() {
  const { values } = parseArgs({
    options: {
      sizes: { type: "string", default: "1,10" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const sizes = values.sizes.split(",").map((text) => 1e6 * Number(text));
  if (sizes.every((size) => size >= 1e5 && size <= 5e8)) return sizes;
  console.error(`--sizes: expected megabytes from 0.1 to 500, got ${JSON.stringify(values.sizes)}`);
  process.exit(2);
}

const sizes = readSizes();
// Inside the repository, because the bundle leaves sharp to Node's own resolution.
const parent = join(root, "node_modules", ".cache");
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, "growth-"));
const scratch = mkdtempSync(join(scratchParent(), "growth-"));
try {
  const outfile = join(folder, "growth.mjs");
  const stdin = { contents: program, resolveDir: root, sourcefile: "growth.mjs" };
  await build({ ...bundleOptions, stdin, outfile });
  console.log(`${machineLine(describeMachine())}, Node ${process.versions.node}; processor time`);
  const { grow } = await import(outfile);
  await grow(sizes, scratch, ({ name, what, times }) => {
    const rates = times.map(({ bytes, seconds }) => seconds / bytes);
    const last = times.at(-1);
    const steep = rates.at(-1) > 10 * rates[0] && last.seconds > 2;
    const failed = times.some(({ outcome }) => outcome.startsWith("FAILED"));
    if (steep || failed) process.exitCode = 1;
    const cells = times.map(
      ({ bytes, seconds, outcome }) => `${(bytes / 1e6).toFixed(1)} MB ${outcome} in ${seconds.toFixed(2)} s`,
    );
    console.log(`${`${name}, ${what}`.padEnd(48)} ${cells.join("; ")}${steep ? "  MORE THAN LINEAR" : ""}`);
  });
} finally {
  for (const each of [folder, scratch]) rmSync(each, { recursive: true, force: true });
}
