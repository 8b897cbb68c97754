export { encodePng, type Picture } from "../figures/png.js";
export { type ProjectedPoint, type ProjectionOptions, projectEmbeddings } from "../figures/project.js";
export type { ProjectionPicture } from "../figures/projection-picture.js";
export type { LabelledPoint } from "../figures/scatter.js";
export { checkReportData } from "./check.js";
export type * from "./data.js";
export { spreadText } from "./format.js";
export { renderComparison, renderProjection, renderReport } from "./render.js";
