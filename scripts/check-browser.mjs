// The packages that promise to load in a browser: each built entry is bundled for one, which fails where a Node
// module is reached, and the bundle is run with a browser's globals only, which fails where `process` or `Buffer`
// is needed while loading. Prints what each adds to a page. Run after the build.
import { bundle, load } from "./lib/browser.mjs";

const entries = [
  "@sitjs/core",
  "@sitjs/core/random",
  "@sitjs/core/errors",
  "@sitjs/core/json",
  "@sitjs/core/testing",
  "@sitjs/vit",
  "@sitjs/masking",
  "@sitjs/losses",
  "@sitjs/augment",
  "@sitjs/train",
  "@sitjs/eval",
  "@sitjs/onnx",
  "@sitjs/hub",
];

let failed = 0;
for (const entry of entries) {
  // All that the entry exports is kept and used, so that nothing of it is shaken off.
  const contents = `import * as all from ${JSON.stringify(entry)};\nglobalThis.loaded = Object.keys(all);`;
  try {
    const own = await bundle(contents, { external: ["@tensorflow/*"] });
    const names = load(await bundle(contents));
    if (names.length === 0) throw new Error("exports nothing");
    const size = (Buffer.byteLength(own) / 1024).toFixed(1).padStart(6);
    console.log(`${entry.padEnd(20)} ${size} kB minified without tfjs, ${names.length} exports`);
  } catch (error) {
    failed++;
    const reasons = error.errors?.map(
      ({ text, location }) => `${text}${location ? ` (${location.file})` : ""}`,
    );
    console.error(`${entry}: does not load in a browser: ${reasons?.join("; ") ?? error.message}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
