// npm run platform-check: the native engine for a user without a compiler. Packs core, engine and this machine's platform
// package, installs the tarballs in an empty project, and makes the engine there with an empty cache and a PATH that has
// Node, npm and Python's pip (for TensorFlow's wheel) and nothing else. Then it damages the platform package. Run after the
// build.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { packFolder } from "./lib/pack.mjs";
import { makePlatformPackage, withPlatformPackages } from "./lib/platform-packages.mjs";
import { root, runNpm, startStep } from "./lib/steps.mjs";

const execute = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), "sitjs-platform-"));
try {
  await check();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check() {
  const step = startStep("Packing core, engine and this machine's platform package");
  const made = await makePlatformPackage(join(scratch, "platforms"));
  const tarballs = [await packFolder(join(root, "packages", "core"), scratch), await packEngine(made)];
  const shipped = await packFolder(made.folder, scratch);
  const { needs } = made.manifest;
  const libraries = needs && `; needs glibc ${needs.glibc}, libstdc++ ${needs.libstdcxx}`;
  step.done(`${shipped.name}: ${shipped.bytes} bytes packed${libraries ?? ""}`);
  assert.ok(shipped.bytes < 2e6, `${shipped.name}: expected less than 2 MB, got ${shipped.bytes} bytes`);

  const project = await makeProject([...tarballs, shipped]);
  const path = await bareFolder();
  const run = (part, cache) => runProgram(project, part, path, join(scratch, cache));
  await checkInstall(await run("install", "cache"), made.manifest);
  await checkDamaged(project, shipped.name, run);
}

/** The tarball of @sitjs/engine as a release makes it. */
async function packEngine(made) {
  const folder = join(scratch, "engine");
  const source = join(root, "packages", "engine");
  for (const name of ["dist", "src", "native", "kernels", "README.md", "LICENSE"]) {
    cpSync(join(source, name), join(folder, name), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  writeFileSync(join(folder, "package.json"), JSON.stringify(withPlatformPackages(manifest, [made])));
  return await packFolder(folder, scratch);
}

async function makeProject(tarballs) {
  const step = startStep("Installing the tarballs in an empty project");
  const folder = join(scratch, "project");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const tfjs = `@tensorflow/tfjs@${devDependencies["@tensorflow/tfjs"]}`;
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  const args = ["install", ...options, tfjs, ...tarballs.map(({ file }) => file)];
  const { code, output } = await runNpm(args, { quiet: true, cwd: folder });
  assert.equal(code, 0, output);
  copyFileSync(join(root, "scripts", "lib", "platform-program.mjs"), join(folder, "program.mjs"));
  step.done("installed");
  return folder;
}

/** A folder for PATH with Node, npm and, where there is one with pip, Python. */
async function bareFolder() {
  const folder = join(scratch, "bin");
  mkdirSync(folder);
  symlinkSync(process.execPath, join(folder, "node"));
  const link = (name, command) => {
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const npm = process.env.npm_execpath ?? (await execute("sh", ["-c", "command -v npm"])).stdout.trim();
  link("npm", `'${process.execPath}' '${npm}'`);
  const ask = ["-c", "import sys, pip; print(sys.executable)"];
  const python = await execute("python3", ask).catch(() => undefined);
  if (python !== undefined) link("python3", `'${python.stdout.trim()}'`);
  return folder;
}

async function runProgram(project, part, path, cache) {
  const step = startStep(`Without a compiler: ${part}`);
  const { CXX: _, ...env } = process.env;
  const options = { cwd: project, env: { ...env, PATH: path, SITJS_CACHE: cache }, maxBuffer: 64e6 };
  const { stdout } = await execute(process.execPath, ["program.mjs", part], options);
  step.done("ended");
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

async function checkInstall(
  { installed, compiler, engine, platformPackage, ran, difference, stages },
  manifest,
) {
  assert.equal(compiler, undefined, "expected no compiler on this PATH");
  assert.equal(platformPackage?.fits, true, platformPackage?.reason);
  assert.equal(installed.method, "package");
  assert.equal(installed.platformPackage, platformPackage.label);
  assert.ok(
    !stages.some(([stage]) => stage === "compile" || stage === "kernels"),
    "expected nothing compiled",
  );
  assert.deepEqual([engine.name, engine.kernels.includes("SitLinear")], ["tfjs-node", true], engine.note);
  const kernels = readdirSync(join(installed.directory, "kernels"));
  assert.deepEqual(kernels, [`${manifest.kernelSources}-${manifest.files.kernels.sha256.slice(0, 16)}.node`]);
  const fused = (names) => names.filter((name) => name.startsWith("Sit"));
  assert.deepEqual([fused(ran.fused), fused(ran.composed)], [["SitLinear"], []]);
  assert.ok(
    difference < 1e-5,
    `SitLinear: expected the composed values, got ones that differ by ${difference}`,
  );
  console.log(
    `  ${engine.note} SitLinear differs from the composed operation by ${difference.toExponential(1)}.`,
  );
}

/** A platform package with another content than its manifest, then with another manifest than the release's. */
async function checkDamaged(project, name, run) {
  const folder = join(project, "node_modules", name);
  const kernels = join(folder, "kernels.node");
  const bytes = readFileSync(kernels);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(kernels, bytes);
  const refused = await run("again", "other-cache");
  assert.equal(refused.code, "engine-install");
  assert.match(refused.message, new RegExp(`${basename(name)} .*kernels\\.node: expected sha256 \\w+, got`));

  const [engine] = readdirSync(join(scratch, "cache", "engines"));
  rmSync(join(scratch, "cache", "engines", engine, "kernels"), { recursive: true });
  const { engine: started } = await run("start", "cache");
  assert.deepEqual([started.name, started.kernels], ["tfjs-node", []]);
  assert.match(started.note, /without fused kernels \(.*kernels\.node: expected sha256/);
  console.log(`  ${started.note}`);

  const manifest = join(folder, "addons.json");
  const changed = { ...JSON.parse(readFileSync(manifest, "utf8")), compilers: {} };
  writeFileSync(manifest, JSON.stringify(changed));
  const unlike = await run("again", "other-cache");
  assert.match(unlike.message, /expected the manifest \w+ of this release/);
  console.log(`  ${unlike.message}`);
}
