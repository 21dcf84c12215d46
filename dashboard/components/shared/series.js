// Arithmetic of curves: smoothing, thinning, mean and band, interpolation. Pure; their scales are in scales.js.

export const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length

/** The values that are there: neither null or undefined, a gap, nor NaN. */
export const known = values => values.filter(Number.isFinite)

/** An exponential moving mean that forgets by `share` per step, so thinned steps give the same curve. It begins at zero,
 * and dividing by the weight so far, 1 - share^t, takes that out again (Kingma and Ba 2014, section 3). A gap stays a gap
 * and is not averaged. */
export function smooth(steps, values, share) {
  let sum = 0, weight = 0, last = null
  return steps.map((step, i) => {
    if (values[i] === null) return null
    // The first value counts as one step: a run may begin at another's checkpoint.
    const keep = last === null ? share : share ** Math.max(step - last, 0)
    if (last === null || step > last) {
      sum = keep * sum + (1 - keep) * values[i]
      weight = keep * weight + (1 - keep)
      last = step
    }
    return sum / weight
  })
}

/** At most two points, and a gap, for each of `room` parts of what is visible: the smallest and the largest of the part. */
export function thin(x, y, [from, to], room) {
  const inside = []
  for (let i = 0; i < x.length; i++) {
    const visible = x[i] >= from && x[i] <= to
    // The neighbours of what is visible too: the line runs on to the edge.
    if (visible || (x[i + 1] >= from && x[i] < from) || (x[i - 1] <= to && x[i] > to)) inside.push(i)
  }
  if (inside.length <= 2 * room) return { x: inside.map(i => x[i]), y: inside.map(i => y[i]) }
  const kept = []
  for (let part = 0; part < room; part++) {
    const start = Math.floor((part * inside.length) / room), end = Math.floor(((part + 1) * inside.length) / room)
    let low = inside[start], high = inside[start], gap = null
    for (let k = start; k < end; k++) {
      const i = inside[k]
      if (y[i] === null) gap = i
      else {
        if (y[low] === null || y[i] < y[low]) low = i
        if (y[high] === null || y[i] > y[high]) high = i
      }
    }
    kept.push(...[...new Set(gap === null ? [low, high] : [low, high, gap])].sort((a, b) => a - b))
  }
  return { x: kept.map(i => x[i]), y: kept.map(i => y[i]) }
}

/** The value of a curve at `at`: a known point's own, between two of them on a straight line; null outside of the curve and
 * in a gap. */
export function valueAt(x, y, at) {
  if (!x.length || at < x[0] || at > x[x.length - 1]) return null
  let low = 0, high = x.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (x[middle] <= at) low = middle
    else high = middle
  }
  if (at === x[low]) return y[low]
  if (at === x[high]) return y[high]
  if (y[low] === null || y[high] === null) return null
  return y[low] + ((y[high] - y[low]) * (at - x[low])) / (x[high] - x[low])
}

/** The value of a curve that stands still before its first point and after its last one. */
export const heldAt = (x, y, at) => valueAt(x, y, Math.min(Math.max(at, x[0]), x[x.length - 1]))

/** Mean, smallest and largest of several curves, each `{ x, y }`, at the places `at`; over those that reach it. */
export function meanAndBand(curves, at) {
  const band = { x: [], y: [], low: [], high: [] }
  for (const x of at) {
    const values = curves.map(curve => valueAt(curve.x, curve.y, x)).filter(value => value !== null)
    if (!values.length) continue
    band.x.push(x)
    band.y.push(mean(values))
    band.low.push(Math.min(...values))
    band.high.push(Math.max(...values))
  }
  return band
}

/** `count` places from `low` to `high`, both included. */
export const spaced = (low, high, count) => Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1))

/** Smallest and largest of the finite values; `[Infinity, -Infinity]` if there is none. A loop: an array of a whole grid or
 * run is too long for the arguments of Math.min. */
export function extentOf(values) {
  let low = Infinity, high = -Infinity
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}
