// A Chromium of this machine, headless and with nothing of its own on the network.
import { existsSync } from "node:fs";

const places = [
  process.env.SITJS_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The browser's file: SITJS_CHROMIUM, or where systems put it; undefined where there is none. */
export function findChromium() {
  return places.find((place) => place !== undefined && existsSync(place));
}

/** Starts it; its `close` ends it. */
export async function startChromium(executablePath) {
  // Not before it is needed: .ci/run looks for a browser while nothing is installed yet.
  const { chromium } = await import("playwright-core");
  return await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
