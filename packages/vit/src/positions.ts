import { requireOption } from "@sitjs/core";

/** Which half of the features encodes what: MAE's, the column first, or MoCo v3's, the row first. */
export type SinCosOrder = "column-row" | "row-column";

/**
 * Fixed two-dimensional sine-cosine positions as in MAE (He et al. 2022) and MoCo v3 (Chen et al. 2021): one half of the
 * features encodes the column, the other the row, each half as all sines, then all cosines, of
 * position x 10000^(-k / (width / 4)).
 *
 * @param width divisible by 4
 * @param order of the halves (default "column-row")
 * @returns rows x columns vectors of `width` values, row by row, one after the other
 * @throws SitError "bad-option"
 */
export function sinCosPositions(
  width: number,
  rows: number,
  columns: number,
  order: SinCosOrder = "column-row",
): Float32Array {
  requireOption(Number.isInteger(width) && width > 0 && width % 4 === 0, "width", "a multiple of 4", width);
  requireOption(
    order === "column-row" || order === "row-column",
    "order",
    '"column-row" or "row-column"',
    order,
  );
  const quarter = width / 4;
  const table = new Float32Array(rows * columns * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const start = (row * columns + column) * width;
      const [first, second] = order === "column-row" ? [column, row] : [row, column];
      for (let k = 0; k < quarter; k++) {
        const frequency = 10000 ** (-k / quarter);
        table[start + k] = Math.sin(first * frequency);
        table[start + quarter + k] = Math.cos(first * frequency);
        table[start + 2 * quarter + k] = Math.sin(second * frequency);
        table[start + 3 * quarter + k] = Math.cos(second * frequency);
      }
    }
  }
  return table;
}

/**
 * The matrix that resizes a square grid of positions: [rows x columns, side x side] times positions
 * [side x side, width] gives the positions of the new grid. Bicubic with a = -0.75, borders clamped, no
 * antialiasing, and DINO's 0.1 added to the wanted size in the coordinate mapping (Caron et al. 2021), which
 * checkpoints of DINO and SiT were trained and evaluated with.
 */
export function interpolationMatrix(side: number, rows: number, columns: number): Float32Array {
  const alongRows = axisWeights(side, rows);
  const alongColumns = axisWeights(side, columns);
  const matrix = new Float32Array(rows * columns * side * side);
  let at = 0;
  for (const rowWeights of alongRows) {
    for (const columnWeights of alongColumns) {
      for (const rowWeight of rowWeights) {
        for (const columnWeight of columnWeights) matrix[at++] = rowWeight * columnWeight;
      }
    }
  }
  return matrix;
}

/** For each of `to` outputs, its weights over the `from` inputs. */
function axisWeights(from: number, to: number): readonly Float64Array[] {
  const scale = from / (to + 0.1);
  return Array.from({ length: to }, (_, i) => {
    const source = (i + 0.5) * scale - 0.5;
    const first = Math.floor(source) - 1;
    const weights = new Float64Array(from);
    for (let tap = first; tap < first + 4; tap++) {
      const clamped = Math.min(Math.max(tap, 0), from - 1);
      weights[clamped] = (weights[clamped] as number) + cubic(Math.abs(source - tap));
    }
    return weights;
  });
}

/** Keys' cubic convolution kernel at distance 0 to 2. */
function cubic(distance: number, a = -0.75): number {
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
  return 0;
}

/** `make`, called once for each grid: tables take a while to make and are asked for in every step. */
export function byGrid<T>(make: (rows: number, columns: number) => T): (rows: number, columns: number) => T {
  const made = new Map<string, T>();
  return (rows, columns) => {
    const key = `${rows} x ${columns}`;
    const value = made.get(key) ?? make(rows, columns);
    made.set(key, value);
    return value;
  };
}
