import type { ProjectionPicture } from "../figures/projection-picture.js";
import { checkReportData } from "./check.js";
import type { ReportComparison, ReportData } from "./data.js";

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

/**
 * The plot of a comparison by itself: an SVG file that reads on white paper and on a dark screen.
 *
 * @throws SitError "bad-option" as `renderReport`
 */
export async function renderComparison(comparison: ReportComparison): Promise<string> {
  checkReportData({ comparison });
  const { comparisonPicture } = await import("./picture.js");
  return comparisonPicture(comparison);
}

/**
 * A picture of projected embeddings that stands for itself: points coloured and shaped by class, with title and legend,
 * light or dark as the reader's screen is. An SVG file.
 */
export async function renderProjection(picture: ProjectionPicture): Promise<string> {
  const { projectionPicture } = await import("../figures/projection-picture.js");
  return projectionPicture(picture);
}
