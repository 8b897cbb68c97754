import { requireOption } from "@sitjs/core/errors";
import type { ReportData } from "./data.js";

/** Finds the mistakes that would give a wrong picture without a sound: percentages for fractions, bad classes. */
export function checkReportData(data: ReportData): void {
  data.accuracy?.forEach((row, index) => {
    requireFraction(`accuracy[${index}].scratch`, row.scratch);
    requireFraction(`accuracy[${index}].pretrained`, row.pretrained);
  });
  requireFraction("knn.before", data.knn?.before);
  requireFraction("knn.after", data.knn?.after);
  data.finetune?.forEach((run, index) => {
    for (const record of run.history) requireFraction(`finetune[${index}].accuracy`, record.accuracy);
  });
  data.embeddings?.forEach((plot, index) => {
    for (const [x, y, label] of plot.points) {
      const name = `embeddings[${index}].points`;
      requireOption(Number.isFinite(x) && Number.isFinite(y), name, "finite places", [x, y]);
      requireOption(
        label === null || (Number.isInteger(label) && label >= 0),
        name,
        "a class index or null",
        label,
      );
    }
  });
}

function requireFraction(option: string, value: number | null | undefined): void {
  if (value === null || value === undefined) return;
  requireOption(value >= 0 && value <= 1, option, "a fraction from 0 to 1", value);
}
