import { openPage } from "./open-page.mjs";

/**
 * Opens the page of tests and waits until the last has ended; prints each file's count and why a test failed. A page that
 * breaks counts as one failure more.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} address
 * @param {string} backend of tfjs
 * @param {string} files a pattern of their paths
 */
export async function runTests(browser, address, backend, files) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const print = (text) => console.log(`  ${backend.padEnd(5)} ${text.replaceAll("\n", "\n        ")}`);
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
      `${address}/?${new URLSearchParams({ backend, files })}`,
      (page) => page.waitForFunction(() => globalThis.sitjsDone === true),
      (page) => page.exposeFunction("sitjsReport", take),
    );
  } catch (error) {
    counts.failed++;
    print(`FAILED: ${error.message}`);
  }
  return counts;
}
