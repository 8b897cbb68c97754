import { checkReportData } from "./check.js";
import type { ReportData } from "./data.js";

/**
 * One HTML page that opens offline: styles, plots (SVG) and pictures (PNG) are in it, scripts are not.
 * Sections without data are left out, and all text is escaped.
 *
 * @throws SitError "bad-option" for an accuracy outside 0 to 1, a class that is not an index, a place that is not
 *   finite, a picture whose sizes and pixels do not agree.
 */
export async function renderReport(data: ReportData): Promise<string> {
  checkReportData(data);
  // The plots' library and the DOM they are drawn in take a quarter of a second to load.
  const { reportPage } = await import("./page.js");
  return reportPage(data);
}
