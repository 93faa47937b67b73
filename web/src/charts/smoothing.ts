/**
 * Time-weighted exponential moving average, the same formula that W&B documents for its line plots, so that a
 * smoothed curve here looks like the one people know.
 */

/** W&B's constant: the range of x counts as this many steps, whatever its unit. */
export const VIEWPORT_SCALE = 1000;
const WEIGHT_MAX = 0.999;
const SPACING_TOLERANCE = 1e-11;

/**
 * Smooths one series.
 *
 * @param x ascending, same length as y.
 * @param y NaN where there is no point; those stay NaN and do not change the average.
 * @param weight slider value 0…1; 0 returns y itself.
 * @param rangeOfX width of the chart's x axis in the unit of x; > 0, else y is returned.
 * @returns float64[n], debiased so that the first point is not pulled to zero.
 */
export function smooth(
  x: ArrayLike<number>,
  y: Float64Array,
  weight: number,
  rangeOfX: number,
): Float64Array {
  if (!(weight > 0) || !(rangeOfX > 0)) return y;
  const base = Math.min(Math.sqrt(weight), WEIGHT_MAX);
  const smoothed = new Float64Array(y.length).fill(Number.NaN);
  let sum = 0;
  let debias = 0;
  let previousX = Number.NaN;
  let changeInX = 0;
  let decay = 1;
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) continue;
    const here = x[i] as number;
    const change = Number.isNaN(previousX) ? 0 : ((here - previousX) / rangeOfX) * VIEWPORT_SCALE;
    // Even grids repeat one spacing; the power is most of the cost of a slider step.
    if (Math.abs(change - changeInX) > SPACING_TOLERANCE * change) {
      changeInX = change;
      decay = base ** change;
    }
    sum = sum * decay + value;
    debias = debias * decay + 1;
    previousX = here;
    smoothed[i] = sum / debias;
  }
  return smoothed;
}
