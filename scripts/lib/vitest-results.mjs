import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/**
 * Counts what vitest's JSON reporter wrote. A test file that broke before its first test counts as one failure,
 * and so does an exit code that no failed test explains (an unhandled rejection, or no report at all):
 * a run that failed never counts as passed.
 */
export function countTests(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1, detail: `no test report, exit code ${exitCode}` };
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const explained = report.numFailedTests + brokenFiles;
  const failed = explained === 0 && (exitCode !== 0 || report.numPassedTests === 0) ? 1 : explained;
  const skipped = report.numPendingTests + (report.numTodoTests ?? 0);
  return {
    passed: report.numPassedTests,
    failed,
    detail: `${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`,
  };
}

/**
 * The failed tests of that report, one text for each: "file > full name" and the first lines of why, without the
 * frames of the test runner. A file that broke before its first test is one of them.
 * Of more than `most` the last text says only how many more there are.
 */
export function describeFailures(report, root, { most = 10, lines = 15 } = {}) {
  const failures = (report?.testResults ?? []).flatMap((file) => {
    const name = relative(root, file.name);
    const failed = file.assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0) return file.status === "failed" ? [describe(name, [file.message], lines)] : [];
    return failed.map((test) => describe(`${name} > ${test.fullName}`, test.failureMessages, lines));
  });
  if (failures.length <= most) return failures;
  return [...failures.slice(0, most), `and ${failures.length - most} more`];
}

function describe(title, messages, lines) {
  const text = stripVTControlCharacters(messages.join("\n"))
    .split("\n")
    .filter((line) => !/^\s+at .*(node_modules|node:internal|<anonymous>)/.test(line));
  return [title, ...text.slice(0, lines).map((line) => `    ${shorten(line)}`)].join("\n");
}

/** A line may hold all that a command has printed. */
const shorten = (line) => (line.length > 500 ? `${line.slice(0, 300)} … ${line.slice(-200)}` : line);
