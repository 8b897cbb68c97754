// Chromium for tests in a real browser: where it is, and how to start it so that it draws WebGL without a graphics card.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const macOS = ["Chromium", "Google Chrome"].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);

/** What to do where there is none. */
export const howToInstall =
  "no Chromium was found: install one (Debian: apt-get install chromium), or name one in CHROMIUM";

/**
 * The file of a Chromium: what CHROMIUM names, else the first on the path; undefined where there is none.
 * @returns {string | undefined}
 */
export function findChromium({ env = process.env } = {}) {
  if (env.CHROMIUM) return existsSync(env.CHROMIUM) ? env.CHROMIUM : undefined;
  const onPath = (env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)));
  return [...onPath, ...macOS].find((path) => existsSync(path));
}

/** Installs Debian's, where we are root and have apt-get; it tells what it does itself. */
export function installChromium() {
  if (process.getuid?.() !== 0) return;
  const apt = (...args) =>
    spawnSync("apt-get", args, {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    }).status === 0;
  if (apt("-q", "update")) apt("-q", "install", "--yes", "--no-install-recommends", "chromium");
}

/** For playwright-core: no graphics card, no talk with anybody. */
export const chromiumArguments = [
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-quic",
];
