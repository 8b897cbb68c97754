// The packages that promise to load in a browser: each built entry is bundled for one, which fails where a Node
// module is reached, and the bundle is run with a browser's globals only, which fails where `process` or `Buffer`
// is needed while loading. Prints what each adds to a page. Run after the build.
import { addedToPage, browserEntries, bundle, load, useAll } from "./lib/browser.mjs";

let failed = 0;
for (const entry of browserEntries) {
  try {
    const names = load(await bundle(useAll(entry)));
    if (names.length === 0) throw new Error("exports nothing");
    const size = ((await addedToPage(entry)) / 1000).toFixed(1).padStart(6);
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
