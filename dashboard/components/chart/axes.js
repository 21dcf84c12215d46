// Common parts of the figures of one run and of several: the horizontal axis in the chosen unit, and the frame.

import { isOver, placeOf } from "./run.js"
import { lastStep } from "../shared/scales.js"
import { faded } from "../shared/theme.js"

const TITLES = { step: "step", epoch: "epoch", time: "seconds of training" }
const HOVER = { step: "step %{x:,d}", epoch: "epoch %{x:.2f}", time: "%{x:.2f} s" }
const FROM_ONE = ", counted from 1"

/** Steps count from 0, which a logarithmic axis does not have: on it they are counted from 1. */
const shiftOf = view => (view.logX && view.unit === "step" ? 1 : 0)

/** Both ends of the runs on the chosen axis. */
export function extent(lines, view) {
  const runs = lines.flatMap(line => line.members).filter(run => run.size)
  const last = runs.map(run => {
    if (view.unit === "time") return placeOf(run, "time")(run.step ?? 0)
    // A run that diverged has steps beyond those that its parameters went back to.
    return placeOf(run, view.unit)(lastStep({ size: run.size, step: run.step, last: run.steps.at(-1), over: isOver(run) }))
  })
  const most = Math.max(...last, 0) || 1
  if (!view.logX) {
    // A run that goes on from another one begins in the middle: where all do, the axis does.
    const least = Math.min(...runs.map(run => placeOf(run, view.unit)(run.steps[0] ?? 0)), most)
    const from = least < most ? least : 0
    return [from, most + 0.01 * (most - from)]
  }
  const first = runs.map(run => placeOf(run, view.unit)(Math.max(run.steps[view.unit === "step" ? 0 : 1] ?? 1, 1)))
  return [Math.min(most / 10, Math.min(...first.filter(value => value > 0), most)), 1.05 * most]
}

/** What saving and speaking call the axes. */
export const named = (view, panels) => ({ x: TITLES[view.unit], panels })

const titled = (text, view) => (shiftOf(view) ? `${text}${FROM_ONE}` : text)

/** The horizontal axis in the chosen unit; another unit or scale starts unzoomed. */
export const horizontal = (view, first, last) => ({
  type: view.logX ? "log" : "linear", range: view.logX ? [Math.log10(first), Math.log10(last)] : [first, last],
  uirevision: `${view.revision} ${view.unit} ${view.logX}`, title: { text: titled(TITLES[view.unit], view), standoff: 6, font: { size: 12.5 } },
  tickformat: view.unit === "step" ? ",d" : "", hoverformat: view.unit === "step" ? ",d" : ".2f",
  unifiedhovertitle: { text: titled(HOVER[view.unit], view) }, nticks: isNarrow(view) ? 5 : 9,
})

/** The place of a step on the axis. */
export function positionOf(run, view) {
  const place = placeOf(run, view.unit), shift = shiftOf(view)
  return step => place(step) + shift
}

/** The traces, with their true steps where they are drawn at others. */
export function counted(traces, view) {
  const shift = shiftOf(view)
  if (!shift) return traces
  return traces.map(trace => (typeof trace.meta === "string" ? trace : { ...trace, meta: { ...trace.meta, x: trace.x.map(x => x - shift) } }))
}

const isNarrow = view => view.width < 480

export const verticalAxis = colors => ({
  gridcolor: colors.grid, linecolor: colors.grid, zeroline: false, automargin: false, ticks: "",
})

/** The part of the layout that does not depend on the runs. */
export const frame = (view, colors) => ({
  uirevision: view.revision, autosize: true, dragmode: "zoom",
  margin: { l: isNarrow(view) ? 46 : 54, r: 8, t: 26, b: 38 },
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: colors.font, color: colors.text, size: isNarrow(view) ? 11 : 12.5 },
  // Left to plotly they would be pale on a dark block, as it takes a clear figure for a black one.
  modebar: { bgcolor: "rgba(0,0,0,0)", color: faded(colors.text, 0.6), activecolor: colors.text },
})

export const panelTitle = (text, y) => ({
  text: `<b>${text}</b>`, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
})
