/** A program whose loader meets a file that the system never opens; it tells what happens and comes to its end. */
import { evalView } from "@sitjs/augment";
import type { SitError } from "@sitjs/core/errors";
import { createPool } from "../src/pool.js";

const paths = ["00.png", "01.png", "02.png", "03.png"];
const pool = createPool({
  storage: { kind: "files", root: process.argv[2] as string, paths, channels: 3, shorterSide: undefined },
  name: "photos",
  seed: 0,
  badImages: "throw",
  views: evalView({ size: 8 }),
  workers: 1,
  workerUrl: undefined,
  workerTimeout: 0.3,
  patience: 200,
});
try {
  await pool.make({ epoch: 0, indices: Int32Array.of(0, 1, 2, 3) });
} catch (error) {
  const { code, message } = error as SitError;
  console.log(`${code}: ${message}`);
}
await pool.close();
console.log("closed");
