// A chart for those who don't see it or don't use a mouse: its last values in words, and a walk along its curves by keys.

import { count, NOTHING, percent, short } from "./format.js"
import { nameOf, panelOf, seriesOf, shownTraces, trueOf } from "./points.js"

/** Curves that a summary names. */
const MOST_NAMED = 12
/** Share of a curve that a press of a page key moves by. */
const PAGE = 0.1

const isPoint = value => value !== null && value !== undefined && !Number.isNaN(value)

/** The last place with a point; -1 without one. */
function lastOf(values) {
  let i = values.length - 1
  while (i >= 0 && !isPoint(values[i])) i--
  return i
}

/** The curves that can be walked, each with its name, its `last` place and the `places` where it has points. Those are found
 * when they are asked for: a chart that is drawn ten times a second needs the last one only. */
export function curvesOf(traces, layout) {
  return shownTraces(traces).flatMap(trace => {
    const x = trueOf(trace, "x"), y = trueOf(trace, "y")
    if (trace.z || !y?.length || trace.hoverinfo === "skip") return []
    const last = lastOf(y)
    if (last < 0) return []
    const vertical = trace.yaxis ?? "y"
    return [{
      trace, last, get places() { return Array.from(y.keys()).filter(i => isPoint(y[i])) },
      name: [panelOf(trace, layout), seriesOf(trace)].filter(Boolean).join(", ") || nameOf(layout, vertical) || "value",
      axis: nameOf(layout, trace.xaxis ?? "x"), x: i => x?.[i] ?? i, y: i => y[i], write: writer(layout[vertical.replace("y", "yaxis")]),
    }]
  })
}

/** A number from which on its whole digits are as many as others have in all. */
const LARGE = 1e4

/** A value in words; no digit of a whole number is left out. */
function written(value) {
  if (typeof value !== "number") return String(value ?? NOTHING)
  return Number.isSafeInteger(Math.abs(value) < LARGE ? value : Math.round(value)) ? count(value) : short(value)
}

const writer = axis => value => (typeof value === "number" && axis?.tickformat?.includes("%") ? percent(value) : written(value))

/** A curve's point in words. */
export const pointInWords = (curve, i) => `${curve.name}: ${curve.write(curve.y(i))} at ${curve.axis || "x"} ${written(curve.x(i))}`

/** A chart in one sentence: its title, and each curve's last value. */
export function summaryOf(title, curves) {
  if (!curves.length) return `${title}, chart`
  const named = curves.slice(0, MOST_NAMED).map(curve => `${curve.name} ${curve.write(curve.y(curve.last))}`)
  const rest = curves.length > MOST_NAMED ? `; and ${curves.length - MOST_NAMED} more` : ""
  return `${title}, chart. Last values: ${named.join("; ")}${rest}. Arrow keys walk along the curves.`
}

const MOVES = {
  ArrowLeft: at => at - 1, ArrowRight: at => at + 1, Home: () => 0, End: (at, all) => all - 1,
  PageUp: (at, all) => at - Math.ceil(PAGE * all), PageDown: (at, all) => at + Math.ceil(PAGE * all),
}
const TURNS = { ArrowUp: -1, ArrowDown: 1 }

/** Where a key leads to from `{ curve, point }`, both numbers, or from null; null for a key that leads nowhere. */
export function moved(key, from, curves) {
  if (!(key in MOVES || key in TURNS) || !curves.length) return null
  if (!from || from.curve >= curves.length) return { curve: 0, point: curves[0].places.length - 1 }
  const { places } = curves[from.curve]
  if (key in MOVES) return { curve: from.curve, point: Math.max(0, Math.min(places.length - 1, MOVES[key](from.point, places.length))) }
  const curve = (from.curve + TURNS[key] + curves.length) % curves.length, other = curves[curve], there = other.places
  // The other curve is entered where this one was left.
  const x = curves[from.curve].x(places[Math.min(from.point, places.length - 1)])
  const away = i => Math.abs(other.x(i) - x)
  const nearest = typeof x === "number" ? there.reduce((best, i, k) => (away(i) < away(there[best]) ? k : best), 0) : 0
  return { curve, point: nearest }
}
