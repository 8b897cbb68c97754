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
