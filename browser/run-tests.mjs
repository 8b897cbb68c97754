import { openPage } from "./open-page.mjs";

/**
 * Opens the page of tests and waits until the last has ended; prints each file's count and why a test failed. A page that
 * breaks counts as one failure more.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} address
 * @param {string} name of the run
 * @param {Readonly<Record<string, string>>} query of the page: `backend` of tfjs, `files`, a pattern of their paths, and
 * `tfjsflags` as tfjs has them
 */
export async function runTests(browser, address, name, query) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const print = (text) => console.log(`  ${name.padEnd(7)} ${text.replaceAll("\n", "\n          ")}`);
  const take = ({ file, passed, skipped, failed }) => {
    counts.passed += passed;
    counts.skipped += skipped;
    counts.failed += failed.length;
    const more = [
      skipped > 0 ? `, ${skipped} skipped` : "",
      failed.length > 0 ? `, ${failed.length} FAILED` : "",
    ];
    print(`${file}: ${passed} passed${more.join("")}`);
    for (const reason of failed) print(reason);
  };
  try {
    await openPage(
      browser,
      `${address}/?${new URLSearchParams(query)}`,
      (page) => page.waitForFunction(() => globalThis.sitjsDone === true),
      (page) => page.exposeFunction("sitjsReport", take),
    );
  } catch (error) {
    counts.failed++;
    print(`FAILED: ${error.message}`);
  }
  return counts;
}
