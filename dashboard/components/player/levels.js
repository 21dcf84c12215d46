// The levels of a surface's contours and where their labels stand. Pure.

import { extentOf } from "../shared/series.js"

/** Contour lines on a surface, about; at least, two fifths as many. */
const LINES = 28
/** Labels keep this share of the map away from its edges, and from one another as far as this if they can. */
const EDGE = 0.07, APART = 0.3
/** Where lines are closer than so many cells of the grid, a label covers its neighbours. */
const ROOM = 6

/** The lowest and the highest of a surface's heights. One that is flat, as far as the six digits of a level tell, or
 * unknown yet has a range too: without one there are no levels, no colours and no relief. */
export function rangeOf(heights) {
  const [low, high] = extentOf(heights)
  if (high < low) return { low: 0, high: 1 }
  if (high - low > 1e-6 * Math.max(Math.abs(low), Math.abs(high))) return { low, high }
  // In the middle: on the floor of its box a relief would flicker.
  const half = Math.abs(low) || 1
  return { low: low - half, high: low + half }
}

/** Equally spaced levels from `start` to `end`, every `size`, and the steps of those that have labels: `major`. On a surface whose
 * height is a logarithm that is mostly a decade, and none below its floor, where it is no logarithm. */
export function levelsOf({ low, high, log, floor = 0 }) {
  const rough = (high - low) / LINES, power = 10 ** Math.floor(Math.log10(rough))
  const [digit, every] = [[1, 5], [2, 5], [5, 4], [10, 5]].find(([d]) => d * power >= 0.999 * rough)
  const size = digit * power, major = every * size
  const ups = (step, from) => [Math.ceil(from / step) * step, Math.floor(high / step) * step]
  const [start, end] = ups(size, low), [first, last] = ups(major, log ? Math.max(low, Math.log10(floor)) : low)
  return { start, end, size, major, values: Array.from({ length: Math.max(0, Math.round((last - first) / major) + 1) }, (_, i) => first + i * major) }
}

/** A level as text: that of a logarithm is the value itself. */
export function levelText(value, log) {
  const shown = Number((log ? 10 ** value : value).toPrecision(log ? 2 : 6)), size = Math.abs(shown)
  return size !== 0 && (size >= 1e5 || size < 1e-3) ? shown.toExponential().replace("e+", "e") : String(shown)
}

/** The true heights of a grid, to the digits that its float32 have: of a logarithm below its floor, those of its tangent. */
export function trueHeights({ log, floor = 0, minimum }, { z }) {
  const above = height => (10 ** height < floor ? Math.max(1 + Math.LN10 * (height - Math.log10(floor)), 0) * floor : 10 ** height)
  const read = log ? height => above(height) + minimum : height => height
  return z.map(row => Array.from(row, height => Number(read(height).toPrecision(6))))
}

/** Ticks of an axis or a colour bar over the surface's heights. */
export const ticksOf = surface => {
  const { values } = levelsOf(surface)
  return { tickvals: values, ticktext: values.map(value => levelText(value, surface.log)) }
}

/** Labels for each level, two where there is room: on its line, where lines are far apart, away from the edges, the minima and the
 * other labels. */
export function labelsOf(surface) {
  const { values } = levelsOf(surface), taken = surface.minima.map(([a, b]) => shareOf(surface, a, b)), labels = []
  for (const value of [...values, ...values]) {
    const spots = crossings(surface, value), awayFrom = spot => Math.min(APART, ...taken.map(([u, v]) => Math.hypot(spot.u - u, spot.v - v)))
    const scores = spots.map(spot => awayFrom(spot) * spot.room), best = spots[scores.indexOf(Math.max(...scores))]
    const second = labels.some(label => label.value === value)
    if (!best || (second && awayFrom(best) < APART)) continue
    taken.push([best.u, best.v])
    labels.push({ x: best.x, y: best.y, value, text: levelText(value, surface.log) })
  }
  return labels
}

/** A point as shares of the domain. */
const shareOf = ({ domain: [xLow, xHigh, yLow, yHigh] }, x, y) => [(x - xLow) / (xHigh - xLow), (y - yLow) / (yHigh - yLow)]

/** The places at which a level crosses the grid's rows, and from 0 to 1 how much room its line has there. */
function crossings(surface, value) {
  const { x, y, z } = surface.fine, { size } = levelsOf(surface), spots = []
  z.forEach((row, j) => {
    for (let i = 1; i < row.length; i++) {
      const before = row[i - 1] - value, after = row[i] - value
      if (before < 0 === after < 0 || !Number.isFinite(before + after)) continue
      const at = x[i - 1] + ((x[i] - x[i - 1]) * before) / (before - after), [u, v] = shareOf(surface, at, y[j])
      if (Math.min(u, 1 - u, v, 1 - v) > EDGE) spots.push({ x: at, y: y[j], u, v, room: Math.min(1, size / Math.abs(after - before) / ROOM) })
    }
  })
  return spots
}
