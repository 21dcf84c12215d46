// The scales of all curves: how far an axis reaches, what is drawn at its edge, and the height of small curves. Pure.

import { scientific } from "./format.js"
import { extentOf, known } from "./series.js"

/** A curve that is higher than so many times the others, or than its own usual height, is drawn at the axis's edge. */
const ROOM = 4
/** Loss of guessing among ten digits. A beginning counts up to `ROOM` times it, or its curve's own usual height: a run that
 * blew up in its first steps begins anywhere. */
const GUESSING = Math.log(10)
/** Quantiles are of so many values at most: a chart of many long runs is drawn ten times a second. */
const SAMPLE = 500
/** Marks of one curve at the edge. */
const MOST_MARKS = 12

/** A function from a share to that quantile of the values. */
function quantiles(values) {
  const stride = Math.ceil(values.length / SAMPLE)
  const order = values.filter((_, i) => i % stride === 0).sort((a, b) => a - b)
  return share => order[Math.round(share * (order.length - 1))]
}

/** Height of an axis for one curve alone: its beginning, and all but its highest twentieth, unless they are far above. */
function reachOf(values) {
  const at = quantiles(values), middle = at(0.5)
  const usual = Math.max(middle, Math.min(values[0], ROOM * Math.max(middle, GUESSING)))
  return Math.max(usual, Math.min(at(0.95), ROOM * usual))
}

/** Upper end of an axis over several runs, each an array of curves: no spike and no run that blew up decides it. Null without
 * a value. `background` counts where it is not far above. */
export function topOf(runs, background = []) {
  const drawn = runs.map(curves => curves.map(known).filter(values => values.length)).filter(curves => curves.length)
  if (!drawn.length) return null
  const reaches = drawn.map(curves => Math.max(...curves.map(reachOf)))
  const most = Math.max(...[...drawn.flat(), ...background].map(values => extentOf(values)[1]))
  const top = Math.min(Math.max(...reaches), ROOM * Math.min(...reaches))
  return most <= ROOM * top ? Math.max(most, top) : top
}

/** So many ticks that plotly labels 1, 2 and 5 of each decade of a log axis, whose range is in powers of ten: with more,
 * every digit of a single one; with fewer, powers alone. */
export const logTicks = ([from, to]) => (to - from < 1.3 ? 3 : 4)

/** The axis of losses, from the curves of each run; `background` as in `topOf`. */
export function lossScale(runs, log, background = []) {
  const top = topOf(runs, background)
  if (!log) return { type: "linear", nticks: 6, range: top > 0 ? [0, 1.05 * top] : [0, 2.5] }
  const lowest = Math.min(...runs.flat().map(curve => known(curve).filter(loss => loss > 0)).filter(values => values.length)
    .map(values => quantiles(values)(0.003)))
  const range = top > 0 && lowest < Infinity ? [Math.log10(Math.min(lowest, top)) - 0.15, Math.log10(top) + 0.1] : [-1, 0.5]
  return { type: "log", nticks: logTicks(range), range }
}

/** The axis of accuracies: down to the least of all, so a run that learned nothing is in the picture too. */
export function accuracyScale(curves) {
  const lowest = Math.min(...curves.map(curve => extentOf(curve)[0]))
  const room = 1 - (lowest < 1 ? lowest : 0.8)
  return { nticks: 5, tickformat: ".0%", range: [1 - 1.1 * room, 1 + 0.03 * room] }
}

/** The axis of learning rates, from each run's: logarithmic where they are so far apart that all but the greatest would lie
 * on zero. A rate that was used for a moment only does not decide it, unless it is the one in use. */
export function rateScale(curves) {
  const used = curves.map(known).filter(rates => extentOf(rates)[1] > 0)
  const axis = { nticks: 3, type: "linear" }
  if (!used.length) return { ...axis, range: [0, 0.0012] }
  const reaches = used.map(rates => {
    const most = extentOf(rates)[1], usual = Math.max(rates[0], quantiles(rates)(0.98), rates.at(-1))
    return usual > 0 && most > ROOM * usual ? usual : most
  })
  const [low, high] = extentOf(reaches)
  if (high < 30 * low) return { ...axis, range: [0, 1.08 * high] }
  return { ...axis, type: "log", range: [Math.log10(low) - 0.5, Math.log10(high) + 0.5] }
}

/** The axis of gaps between two losses, on an axis for the losses themselves that ends at `top`. */
export function gapScale(curves, top) {
  const [low, high] = extentOf(curves.flat())
  if (low > high) return { nticks: 4, range: [-0.1, 0.1] }
  const ends = [Math.max(Math.min(low, 0), -top), Math.min(Math.max(high, 0), top)]
  const margin = 0.08 * (ends[1] - ends[0] || 0.1)
  return { nticks: 4, range: [ends[0] - margin, ends[1] + margin] }
}

/** The highest value that is drawn where it is: the upper end of the scale, or of a zoom that goes beyond it. */
export function edgeOf(scale, zoomed = scale.range) {
  const end = Math.max(scale.range[1], zoomed[1])
  return scale.type === "log" ? 10 ** end : end
}

/** Part of a trace: a curve whose values beyond `edge` are drawn at it; its hover and `meta` have the true ones. */
export function clipped({ x, y }, edge, format) {
  if (!(extentOf(y)[1] > edge)) return { x, y, hovertemplate: `%{y:${format}}` }
  return { x, y: y.map(value => (value > edge ? edge : value)), meta: { y }, customdata: y, hovertemplate: `%{customdata:${format}}` }
}

/** Marks of what is beyond `edge`: one for each stretch of such values, at its highest, with that value as text. */
export function marksBeyond({ x, y }, edge) {
  const peaks = []
  let open = false
  y.forEach((value, i) => {
    const beyond = value !== null && value > edge
    if (beyond && !open) peaks.push(i)
    else if (beyond && value > y[peaks.at(-1)]) peaks[peaks.length - 1] = i
    open = beyond
  })
  const kept = peaks.sort((a, b) => y[b] - y[a]).slice(0, MOST_MARKS).sort((a, b) => a - b)
  return { x: kept.map(i => x[i]), y: kept.map(() => edge), text: kept.map(i => `up to ${scientific(y[i])}`) }
}

/** The arrows at the edge, as a trace; none where nothing is beyond it. */
export function arrows(curve, edge, trace) {
  const marks = marksBeyond(curve, edge)
  if (!marks.x.length) return []
  return [{ type: "scatter", mode: "markers", showlegend: false, cliponaxis: false, name: "beyond the axis", ...trace, ...marks,
    marker: { symbol: "triangle-up", size: 9, color: trace.marker.color }, hovertemplate: "%{text}" }]
}

/** Epochs that the axis of a run in training has at least. */
const FIRST_EPOCHS = 10

/** The step at which the axis of a run ends: at what was trained once it is over. Before that at what is planned; a long plan is
 * halved as long as the run has room, so that its curve is no column of one pixel. */
export function lastStep({ size, step, last, over }) {
  const trained = Math.max(step ?? 0, last ?? 0)
  if (over && trained) return trained
  let end = size.steps
  while (end / 2 >= Math.max(trained, FIRST_EPOCHS * size.steps_per_epoch)) end /= 2
  return end
}

/** Smaller values are rounding errors: a log axis that shows them shows nothing else. */
const LOWEST = 1e-12

/** The range of a log axis over several arrays of values, and its ticks: whole decades, at most four; over less than two decades
 * also values between them. */
export function decades(arrays) {
  let low = Infinity, high = -Infinity
  for (const values of arrays) {
    for (const value of values) {
      if (value >= LOWEST && value < low) low = value
      if (value > high && Number.isFinite(value)) high = value
    }
  }
  if (!(low < high)) return { nticks: 4 }
  const [from, to] = [Math.log10(low), Math.log10(high)], margin = 0.06 * (to - from), range = [from - margin, to + margin]
  return to - from < 2 ? { range, nticks: logTicks(range) } : { range, dtick: Math.ceil((to - from) / 4) }
}

/** Decades below its upper end that the scale of small curves reaches at most, and at least. */
const SMALL_DECADES = [1, 4]

/** One scale for all small curves of a table, as powers of ten, rounded so that it stands still while runs go on. */
export function sparkScale(curves) {
  const top = topOf(curves.map(curve => [curve]))
  if (!(top > 0)) return [0, 1]
  const high = Math.ceil(4 * Math.log10(top)) / 4
  const lowest = extentOf(curves.flat().filter(loss => loss > 0))[0]
  const low = Math.floor(4 * Math.log10(lowest)) / 4
  return [Math.max(Math.min(low, high - SMALL_DECADES[0]), high - SMALL_DECADES[1]), high]
}

/** Points of a polyline `width` by `height` over losses at equal distances, on a `sparkScale`; empty with fewer than two values. */
export function sparkline(losses, width, height, [low, high]) {
  if (known(losses).length < 2) return []
  return losses.flatMap((loss, i) => {
    if (loss === null) return []
    const share = (Math.log10(Math.max(loss, 1e-9)) - low) / (high - low)
    return [[(i / (losses.length - 1)) * (width - 2) + 1, height - 2 - Math.min(Math.max(share, 0), 1) * (height - 4)]]
  })
}
