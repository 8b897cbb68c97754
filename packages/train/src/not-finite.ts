import { SitError } from "@sitjs/core";

/** A batch whose loss or gradient is NaN or infinite, and all that may tell why. */
export interface NotFiniteReport {
  /** From 0. */
  readonly step: number;
  readonly epoch: number;
  /** The loss and its parts. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Of each parameter's gradient. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  /** The batch's images, by name. */
  readonly images: readonly string[];
  /** True where the run goes on without this batch. */
  readonly skipped: boolean;
  /** Batches skipped so far, this one included. */
  readonly skippedSoFar: number;
}

const SHOWN_IMAGES = 8;
const SHOWN_PARAMETERS = 3;

/** The report in one sentence. */
export function describeNotFinite(report: NotFiniteReport): string {
  const { step, epoch, metrics, learningRate, gradientNorms, images } = report;
  const parts = Object.entries(metrics).map(([name, value]) => `${name} ${value}`);
  const norms = Object.entries(gradientNorms);
  const bad = norms.filter(([, norm]) => !Number.isFinite(norm));
  const good = norms.filter(([, norm]) => Number.isFinite(norm)).sort(([, a], [, b]) => b - a);
  const named = bad.slice(0, SHOWN_PARAMETERS).map(([name, norm]) => `${name} ${norm}`);
  const gradient =
    bad.length > 0
      ? `gradient norms not finite in ${bad.length} of ${norms.length} parameters (${listed(named, bad.length)})`
      : `gradient norms finite in all ${norms.length} parameters`;
  const largest = good[0] ? `, largest of the others ${good[0][0]} ${good[0][1].toPrecision(3)}` : "";
  return (
    `step ${step} (epoch ${epoch}): expected a finite loss and gradient, got ${parts.join(", ")} ` +
    `at learning rate ${learningRate}; ${gradient}${largest}; ` +
    `images ${listed(images.slice(0, SHOWN_IMAGES), images.length)}`
  );
}

function listed(shown: readonly string[], total: number): string {
  return shown.join(", ") + (total > shown.length ? ` and ${total - shown.length} more` : "");
}

/** What ends the run; `cause` is the report. */
export function notFiniteError(report: NotFiniteReport, allowed: number): SitError {
  const after = allowed > 0 ? `, after ${allowed} batches skipped, as many as skipNotFinite allows` : "";
  return new SitError("not-finite", describeNotFinite(report) + after, {
    mend: "Lower the learning rate, lengthen the warm-up or clip gradients; the last checkpoint is intact.",
    cause: report,
  });
}
