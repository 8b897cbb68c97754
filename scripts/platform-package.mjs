// Makes this machine's platform package (@sitjs/engine-linux-x64 and so on): the compiled addons of the native engine.
//   npm run platform-package [-- --out FOLDER]     default platforms/, into which it writes engine-linux-x64/
// It installs and builds the packages, and the engine from source into the user's cache, where these are not there.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readArguments } from "./lib/arguments.mjs";
import { packFolder } from "./lib/pack.mjs";
import { makePlatformPackage } from "./lib/platform-packages.mjs";
import { build, install } from "./lib/prepare.mjs";
import { checkNode, root, startStep } from "./lib/steps.mjs";

checkNode();
const { values } = readArguments({ options: { out: { type: "string", default: "platforms" } } });
await install();
await build();
const step = startStep("Making the platform package");
const { name, folder, manifest } = await makePlatformPackage(resolve(root, values.out));
const scratch = mkdtempSync(join(tmpdir(), "sitjs-pack-"));
const { bytes, unpackedBytes } = await packFolder(folder, scratch);
rmSync(scratch, { recursive: true });
console.log(`  for TensorFlow of ${manifest.wheel.file}`);
console.log(`  by ${manifest.compilers.kernels}, for ${manifest.instructionSets.join(", ")}`);
if (manifest.needs)
  console.log(`  needs glibc ${manifest.needs.glibc}, libstdc++ ${manifest.needs.libstdcxx}`);
console.log(`  ${(bytes / 1e6).toFixed(2)} MB packed, ${(unpackedBytes / 1e6).toFixed(2)} MB unpacked`);
step.done(`${name}: ${folder}`);
