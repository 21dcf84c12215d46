// The figure of one run: loss, accuracy and learning rate over a shared axis.

import { counted, extent, frame, horizontal, named, panelTitle, positionOf, verticalAxis } from "./axes.js"
import { SETTINGS } from "../shared/plotly.js"
import { accuracyScale, arrows, clipped, edgeOf, lossScale, rateScale } from "../shared/scales.js"

/** plotly takes a trace without points for none, and an axis without traces for half an axis: a gap keeps both. */
const points = (x, y) => (x.length ? { x, y } : { x: [0], y: [null] })
const EMPTY = ["y", "y2", "y3"].map(yaxis => ({ type: "scatter", ...points([], []), yaxis, showlegend: false }))

/** The scales of the three panels. */
export function scalesOf(runs, view) {
  return {
    loss: lossScale(runs.map(run => [run.smoothed, run.epochs.loss]), view.log, runs.map(run => run.losses)),
    accuracy: accuracyScale(runs.flatMap(run => [run.epochs.trainAccuracy, run.epochs.accuracy])),
    rate: rateScale(runs.map(run => run.rates)),
  }
}

/** The run's traces; `zoomed` is the layout as it is shown, which a person may have zoomed out of its scales. */
export function traces(runs, view, colors, scales, zoomed) {
  if (!runs.length) return EMPTY
  const [run] = runs
  const [color, validation, rate] = colors.series
  const { step, trainAccuracy, loss, accuracy } = run.epochs
  const validated = loss.some(value => value !== null)
  const at = positionOf(run, view)
  const x = run.steps.map(at), ends = step.map(at)
  const common = { type: "scatter", mode: "lines" }
  const epochs = { ...common, mode: "lines+markers", marker: { size: 6 } }
  const edge = edgeOf(scales.loss, zoomed.yaxis.range), rateEdge = edgeOf(scales.rate, zoomed.yaxis3.range)
  const drawn = (places, losses) => clipped(points(places, losses), edge, ".4f")
  return counted([
    { ...common, uid: "raw", name: "each step", ...drawn(x, run.losses), opacity: 0.42, line: { color, width: 1 } },
    { ...common, uid: "smooth", name: "smoothed", ...drawn(x, run.smoothed), line: { color, width: 2.5 } },
    { ...epochs, uid: "loss", name: "validation", ...drawn(ends, loss), showlegend: validated, line: { color: validation, width: 2 } },
    { ...epochs, uid: "train-accuracy", name: "training", ...points(ends, trainAccuracy), yaxis: "y2", legend: "legend2",
      line: { color, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...epochs, uid: "accuracy", name: "validation", ...points(ends, accuracy), yaxis: "y2", legend: "legend2", showlegend: validated,
      line: { color: validation, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...common, uid: "rate", name: "learning rate", ...clipped(points(x, run.rates), rateEdge, ".3~g"), yaxis: "y3", showlegend: false,
      line: { color: rate, width: 2 } },
    ...arrows({ x, y: run.losses }, edge, { uid: "raw-beyond", marker: { color } }),
    ...arrows({ x: ends, y: loss }, edge, { uid: "loss-beyond", marker: { color: validation } }),
    ...arrows({ x, y: run.rates }, rateEdge, { uid: "rate-beyond", yaxis: "y3", marker: { color: rate } }),
  ], view)
}

export function layout(runs, view, colors, scales) {
  const axis = verticalAxis(colors)
  const empty = !runs.some(run => run.steps.length)
  const [first, last] = extent([{ members: runs }], view)
  const legend = { orientation: "h", x: 1, xanchor: "right", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }
  const broken = runs.filter(run => run.diverged)
  const placed = run => positionOf(run, view)(run.diverged.step)
  return {
    ...frame(view, colors),
    hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { color: colors.text } },
    showlegend: true, meta: named(view, { y: "Loss", y2: "Accuracy", y3: "Learning rate" }),
    legend: { ...legend, y: 1.0 }, legend2: { ...legend, y: 0.44 },
    grid: { rows: 3, columns: 1, subplots: [["xy"], ["xy2"], ["xy3"]] },
    xaxis: { ...axis, ...horizontal(view, first, last), showticklabels: !empty, anchor: "y3" },
    yaxis: { ...axis, ...scales.loss, domain: [0.54, 1], uirevision: `${view.revision} ${view.log}`, tickformat: "~g" },
    yaxis2: { ...axis, ...scales.accuracy, domain: [0.19, 0.44] },
    yaxis3: { ...axis, ...scales.rate, domain: [0, 0.1], exponentformat: "power" },
    annotations: [
      panelTitle("Loss", 1), panelTitle("Accuracy", 0.44), panelTitle("Learning rate", 0.1),
      ...broken.map(run => ({ text: "diverged", x: view.logX ? Math.log10(placed(run)) : placed(run), y: 1, yref: "paper", yanchor: "top",
        xanchor: "right", showarrow: false, font: { color: colors.red } })),
    ],
    shapes: broken.map(run => ({ type: "line", x0: placed(run), x1: placed(run), y0: 0, y1: 1,
      yref: "paper", line: { color: colors.red, width: 1.5, dash: "dash" } })),
  }
}

export const CHART_SETTINGS = { ...SETTINGS, modeBarButtonsToRemove: [...SETTINGS.modeBarButtonsToRemove, "select2d", "lasso2d", "autoScale2d"] }
