// The formulas of the fused kernels in float64, element by element.

export type Numbers = ArrayLike<number>;

const at = (values: Numbers, index: number): number => values[index] as number;

/** Φ(x) by the series of erf near 0 and the continued fraction of erfc far from it; exact to about 1e-15. */
export function cumulativeNormal(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let tail: number; // Φ(-|x|)
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    tail = 0.5 - sum / Math.sqrt(Math.PI);
  } else {
    let fraction = z;
    for (let n = 120; n > 0; n--) fraction = z + n / 2 / fraction;
    tail = Math.exp(-z * z) / (2 * Math.sqrt(Math.PI) * fraction);
  }
  return Number.isNaN(x) ? Number.NaN : x < 0 ? tail : 1 - tail;
}

export const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

export const gelu = (x: number): number => x * cumulativeNormal(x);

export const geluSlope = (x: number): number => cumulativeNormal(x) + x * normalDensity(x);

/** x and dy [rows, features], gamma and beta [features]. */
export function layerNormReference(
  x: Numbers,
  gamma: Numbers,
  beta: Numbers,
  dy: Numbers,
  [rows, features]: readonly [number, number],
  epsilon: number,
): { y: Float64Array; dx: Float64Array; dGamma: Float64Array; dBeta: Float64Array } {
  const [y, dx] = [new Float64Array(rows * features), new Float64Array(rows * features)];
  const [dGamma, dBeta] = [new Float64Array(features), new Float64Array(features)];
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / features;
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: features }, (_, i) => at(x, r * features + i));
    const mu = mean(row);
    const inverse = 1 / Math.sqrt(mean(row.map((value) => (value - mu) ** 2)) + epsilon);
    const normal = row.map((value) => (value - mu) * inverse);
    const d = row.map((_, i) => at(dy, r * features + i) * at(gamma, i));
    const [dMean, dNormalMean] = [mean(d), mean(d.map((value, i) => value * at(normal, i)))];
    for (let i = 0; i < features; i++) {
      const n = at(normal, i);
      y[r * features + i] = n * at(gamma, i) + at(beta, i);
      dx[r * features + i] = (at(d, i) - dMean - n * dNormalMean) * inverse;
      dGamma[i] = at(dGamma, i) + at(dy, r * features + i) * n;
      dBeta[i] = at(dBeta, i) + at(dy, r * features + i);
    }
  }
  return { y, dx, dGamma, dBeta };
}

/**
 * qkv [batch, tokens, 3 x heads x size], dy [batch, tokens, heads x size]; `round` is what happens to the operands of
 * products, softmax itself not being one.
 */
export function attentionReference(
  exactQkv: Numbers,
  exactDy: Numbers,
  [batch, tokens, heads, size]: readonly [number, number, number, number],
  round: (value: number) => number = (value) => value,
): { output: Float64Array; dQkv: Float64Array } {
  const [qkv, dy] = [Float64Array.from(exactQkv, round), Float64Array.from(exactDy, round)];
  const width = heads * size;
  const output = new Float64Array(batch * tokens * width);
  const dQkv = new Float64Array(batch * tokens * 3 * width);
  const scale = 1 / Math.sqrt(size);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const place = (part: number, token: number, i: number): number =>
        (b * tokens + token) * 3 * width + part * width + h * size + i;
      const outPlace = (token: number, i: number): number => (b * tokens + token) * width + h * size + i;
      const add = (index: number, value: number): void => {
        dQkv[index] = at(dQkv, index) + value;
      };
      for (let t = 0; t < tokens; t++) {
        const scores = Array.from({ length: tokens }, (_, s) => {
          let dot = 0;
          for (let i = 0; i < size; i++) dot += at(qkv, place(0, t, i)) * at(qkv, place(1, s, i));
          return dot * scale;
        });
        const largest = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - largest));
        const total = powers.reduce((sum, power) => sum + power, 0);
        const weights = powers.map((power) => power / total);
        const dWeights = weights.map((exact, s) => {
          const weight = round(exact);
          let dot = 0;
          for (let i = 0; i < size; i++) {
            output[outPlace(t, i)] = at(output, outPlace(t, i)) + weight * at(qkv, place(2, s, i));
            add(place(2, s, i), weight * at(dy, outPlace(t, i)));
            dot += at(dy, outPlace(t, i)) * at(qkv, place(2, s, i));
          }
          return dot;
        });
        const mean = dWeights.reduce((sum, d, s) => sum + d * at(weights, s), 0);
        weights.forEach((weight, s) => {
          const d = round(weight * (at(dWeights, s) - mean) * scale);
          for (let i = 0; i < size; i++) {
            add(place(0, t, i), d * at(qkv, place(1, s, i)));
            add(place(1, s, i), d * at(qkv, place(0, t, i)));
          }
        });
      }
    }
  }
  return { output, dQkv };
}
