/** Rows of cells as lines, each column as wide as its widest cell; the first column to the left, the others right. */
export function alignColumns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

/**
 * The rows of the steps for people to read.
 *
 * @param {readonly import("./rows.mjs").Row[]} rows
 * @returns {string[]}
 */
export function stepLines(rows) {
  const head = [
    "",
    "ours ms",
    "PyTorch ms",
    "ratio",
    "quartiles",
    "target",
    "peak MB",
    "PyTorch's",
    "of products' peak",
  ];
  const table = alignColumns([
    head,
    ...rows.map((row) => [
      `${row.workload} ${row.precision}`,
      between(row.ours, row.oursSpread),
      between(row.peer, row.peerSpread),
      `${row.ratio.toFixed(2)}${row.ratio >= row.target ? "" : " *"}`,
      `${row.ratioSpread.lower.toFixed(2)}-${row.ratioSpread.upper.toFixed(2)}`,
      row.target.toFixed(1),
      `${row.oursPeakMB.toFixed(0)}${row.oursPeakMB <= row.peerPeakMB ? "" : " *"}`,
      row.peerPeakMB.toFixed(0),
      `${(100 * row.gemmShare).toFixed(0)} % of ${row.peakGflops.toFixed(0)} GFLOP/s`,
    ]),
  ]);
  const missed = rows.some((row) => row.ratio < row.target || row.oursPeakMB > row.peerPeakMB);
  return [
    ...table,
    "Medians (smallest-largest) of one step; ratio: PyTorch's time over ours, quartiles of the rounds' own ratios.",
    ...(missed ? ["* not what it is to reach"] : []),
    "",
    ...rows.flatMap(settingLines),
  ];
}

function settingLines(row) {
  const { name, ratio } = row.fastest;
  const head = `${row.workload} ${row.precision}: PyTorch's fastest is ${name}, ratio ${ratio.toFixed(2)}`;
  const each = row.settings.map((setting) =>
    "time" in setting
      ? [
          `  ${setting.name}`,
          `${setting.time.median.toFixed(0)} ms`,
          `processor ${setting.cpu.toFixed(0)} ms`,
          `${setting.peakMB.toFixed(0)} MB (${setting.startMB.toFixed(0)} before the first step)`,
          setting.note ?? setting.error ?? "",
        ]
      : [`  ${setting.name}`, "", "", "", `not possible: ${setting.error.split("\n")[0]}`],
  );
  return [head, ...alignColumns(each)];
}

function between(median, { minimum, maximum }) {
  return `${median.toFixed(0)} (${minimum.toFixed(0)}-${maximum.toFixed(0)})`;
}
