import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const requirements = join(dirname(fileURLToPath(import.meta.url)), "..", "peers", "requirements.txt");
/** PyTorch's own index has builds without CUDA, a tenth of the size; without it, pip's usual one serves. */
const cpuIndex = "https://download.pytorch.org/whl/cpu";

/**
 * A Python with the peer's requirements: `SITJS_BENCH_PYTHON`, else a virtual environment in the cache folder, made
 * once for each content of requirements.txt.
 *
 * @param {string} cacheFolder
 * @param {(line: string) => void} log
 * @returns {string} the interpreter's path
 * @throws {Error} with the reason and what would mend it
 */
export function benchPython(cacheFolder, log) {
  const named = process.env.SITJS_BENCH_PYTHON;
  if (named) return named;
  const folder = join(cacheFolder, "bench-python");
  const stamp = join(folder, "sitjs-requirements");
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const python = join(
    folder,
    ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]),
  );
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, "utf8").trim() === wanted) return python;

  log(`  Making ${folder} with PyTorch (pip; once, some minutes)`);
  // An environment's scripts hold its path, so it is made in its place; without its stamp it counts as unfinished.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cacheFolder, { recursive: true });
  const made = spawnSync(findPython(), ["-m", "venv", folder], { encoding: "utf8" });
  if (made.status !== 0) {
    throw new Error(
      `python3 -m venv ${folder} failed: ${reason(made)}\nOn Debian and Ubuntu: apt-get install python3-venv.`,
    );
  }
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--timeout", "20", "--retries", "1"];
  const installed = spawnSync(python, [...pip, "--extra-index-url", cpuIndex, "-r", requirements], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (installed.status !== 0) {
    throw new Error(
      "pip could not install benchmarks/peers/requirements.txt, the reason is above. It needs a package index that " +
        "answers, or SITJS_BENCH_PYTHON=/path/to/python with these packages.",
    );
  }
  const beside = `${stamp}.tmp`;
  writeFileSync(beside, `${wanted}\n`);
  renameSync(beside, stamp);
  return python;
}

/**
 * The versions of that Python, PyTorch and torchvision.
 *
 * @param {string} python
 * @returns {{ python: string, torch: string, torchvision: string }}
 */
export function pythonVersions(python) {
  // torchvision is asked of its metadata: it is the loader's own affair whether it can be imported.
  const script = `
import importlib.metadata, json, platform, torch
print(json.dumps({
  "python": platform.python_version(),
  "torch": torch.__version__,
  "torchvision": importlib.metadata.version("torchvision"),
}))`;
  const asked = spawnSync(python, ["-c", script], { encoding: "utf8" });
  if (asked.status !== 0) throw new Error(`${python}: expected torch and torchvision, got ${reason(asked)}`);
  return JSON.parse(asked.stdout);
}

function findPython() {
  for (const command of ["python3", "python"]) {
    const script = "import sys; sys.exit(sys.version_info < (3, 10))";
    if (spawnSync(command, ["-c", script]).status === 0) return command;
  }
  throw new Error(
    "no python3 of 3.10 or later on the path: PyTorch, the other side of the bench, needs one " +
      "(apt-get install python3 python3-venv).",
  );
}

/**
 * The last lines of what a failed command said.
 *
 * @param {import("node:child_process").SpawnSyncReturns<string>} result
 */
function reason({ error, status, stderr }) {
  if (error) return error.message;
  const lines = (stderr ?? "").trim().split("\n").slice(-4).join("\n");
  return lines || `exit code ${status}`;
}
