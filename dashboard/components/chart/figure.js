// The figure of one run: loss, accuracy and learning rate over a shared axis.

import { extent, frame, horizontal, panelTitle, positionOf, verticalAxis } from "./axes.js"
import { placeOf } from "./run.js"
import { SETTINGS } from "../shared/plotly.js"

/** plotly takes a trace without points for none, and an axis without traces for half an axis: a gap keeps both. */
const points = (x, y) => (x.length ? { x, y } : { x: [0], y: [null] })
const EMPTY = ["y", "y2", "y3"].map(yaxis => ({ type: "scatter", ...points([], []), yaxis, showlegend: false }))

export function traces(runs, view, colors) {
  if (!runs.length) return EMPTY
  const [run] = runs
  const [color, validation, rate] = colors.series
  const { step, trainAccuracy, loss, accuracy } = run.epochs
  const validated = loss.some(value => value !== null)
  const at = positionOf(run, view)
  const x = run.steps.map(at), ends = step.map(at)
  const common = { type: "scatter", mode: "lines" }
  const epochs = { ...common, mode: "lines+markers", marker: { size: 6 } }
  return [
    { ...common, uid: "raw", name: "each step", ...points(x, run.losses), opacity: 0.42, line: { color, width: 1 }, hovertemplate: "%{y:.4f}" },
    { ...common, uid: "smooth", name: "smoothed", ...points(x, run.smoothed), line: { color, width: 2.5 }, hovertemplate: "%{y:.4f}" },
    { ...epochs, uid: "loss", name: "validation", ...points(ends, loss), showlegend: validated, line: { color: validation, width: 2 },
      hovertemplate: "%{y:.4f}" },
    { ...epochs, uid: "train-accuracy", name: "training", ...points(ends, trainAccuracy), yaxis: "y2", legend: "legend2",
      line: { color, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...epochs, uid: "accuracy", name: "validation", ...points(ends, accuracy), yaxis: "y2", legend: "legend2", showlegend: validated,
      line: { color: validation, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...common, uid: "rate", name: "learning rate", ...points(x, run.rates), yaxis: "y3", showlegend: false,
      line: { color: rate, width: 2 }, hovertemplate: "%{y:.3~g}" },
  ]
}

export function layout(runs, view, colors) {
  const axis = verticalAxis(colors)
  const empty = !runs.some(run => run.steps.length)
  const lowest = Math.min(...runs.flatMap(run => [...run.epochs.trainAccuracy, ...run.epochs.accuracy.filter(a => a !== null)]))
  const low = lowest < 1 ? lowest : 0.8
  const [first, last] = extent([{ members: runs }], view)
  const legend = { orientation: "h", x: 1, xanchor: "right", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }
  const broken = runs.filter(run => run.diverged)
  const placed = run => placeOf(run, view.unit)(run.diverged.step)
  return {
    ...frame(view, colors),
    hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid },
    showlegend: true,
    legend: { ...legend, y: 1.0 }, legend2: { ...legend, y: 0.44 },
    grid: { rows: 3, columns: 1, subplots: [["xy"], ["xy2"], ["xy3"]] },
    xaxis: { ...axis, ...horizontal(view, first, last), showticklabels: !empty, anchor: "y3" },
    yaxis: { ...axis, domain: [0.54, 1], uirevision: `${view.revision} ${view.log}`, type: view.log ? "log" : "linear", tickformat: "~g",
      rangemode: view.log ? "normal" : "tozero", nticks: view.log ? 4 : 6, ...(empty && { range: [0, 2.5] }) },
    yaxis2: { ...axis, domain: [0.19, 0.44], tickformat: ".0%", nticks: 5, range: [low - 0.1 * (1 - low), 1] },
    yaxis3: { ...axis, domain: [0, 0.1], rangemode: "tozero", nticks: 3, exponentformat: "power", ...(empty && { range: [0, 0.0012] }) },
    annotations: [
      panelTitle("Loss", 1), panelTitle("Accuracy", 0.44), panelTitle("Learning rate", 0.1),
      ...broken.map(run => ({ text: "diverged", x: view.logX ? Math.log10(placed(run)) : placed(run), y: 1, yref: "paper", yanchor: "top",
        xanchor: "right", showarrow: false, font: { color: colors.red } })),
    ],
    shapes: broken.map(run => ({ type: "line", x0: placed(run), x1: placed(run), y0: 0, y1: 1,
      yref: "paper", line: { color: colors.red, width: 1.5, dash: "dash" } })),
  }
}

export const CHART_SETTINGS = { ...SETTINGS, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] }
