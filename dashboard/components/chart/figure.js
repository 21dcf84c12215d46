// The figure: loss, accuracy and learning rate over a shared step axis.

/** The theme's colours, read off the component's own element. */
export function palette(element) {
  const style = getComputedStyle(element)
  const value = name => style.getPropertyValue(`--st-${name}`).trim()
  return {
    text: value("text-color"), paper: value("background-color"), grid: value("border-color"), font: value("font"),
    red: value("red-color") || "#c0392b", series: value("chart-categorical-colors").split(","),
  }
}

/** plotly takes a trace without points for none, and an axis without traces for half an axis: a gap keeps both. */
const points = (x, y) => (x.length ? { x, y } : { x: [0], y: [null] })
const NOTHING = ["y", "y2", "y3"].map(yaxis => ({ type: "scatter", ...points([], []), yaxis, showlegend: false }))

export function traces(runs, view, colors) {
  if (!runs.length) return NOTHING
  const [run] = runs
  const [color, held, rate] = colors.series
  const { step, trainAccuracy, loss, accuracy } = run.epochs
  const validated = loss.some(value => value !== null)
  const place = placeOf(run, view.unit)
  const at = view.logX && view.unit === "step" ? step => place(step) + 1 : place
  const x = run.steps.map(at), ends = step.map(at)
  const common = { type: "scatter", mode: "lines" }
  const epochs = { ...common, mode: "lines+markers", marker: { size: 6 } }
  return [
    { ...common, uid: "raw", name: "each step", ...points(x, run.losses), opacity: 0.42, line: { color, width: 1 }, hovertemplate: "%{y:.4f}" },
    { ...common, uid: "smooth", name: "smoothed", ...points(x, run.smoothed), line: { color, width: 2.5 }, hovertemplate: "%{y:.4f}" },
    { ...epochs, uid: "loss", name: "validation", ...points(ends, loss), showlegend: validated, line: { color: held, width: 2 },
      hovertemplate: "%{y:.4f}" },
    { ...epochs, uid: "train-accuracy", name: "training", ...points(ends, trainAccuracy), yaxis: "y2", legend: "legend2",
      line: { color, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...epochs, uid: "accuracy", name: "validation", ...points(ends, accuracy), yaxis: "y2", legend: "legend2", showlegend: validated,
      line: { color: held, width: 2 }, hovertemplate: "%{y:.2%}" },
    { ...common, uid: "rate", name: "learning rate", ...points(x, run.rates), yaxis: "y3", showlegend: false,
      line: { color: rate, width: 2 }, hovertemplate: "%{y:.3~g}" },
  ]
}

export function layout(runs, view, colors) {
  const narrow = view.width < 480
  const axis = { gridcolor: colors.grid, linecolor: colors.grid, zeroline: false, automargin: false, ticks: "" }
  const empty = !runs.some(run => run.steps.length)
  const lowest = Math.min(...runs.flatMap(run => [...run.epochs.trainAccuracy, ...run.epochs.accuracy.filter(a => a !== null)]))
  const low = lowest < 1 ? lowest : 0.8
  const [first, last] = extent([{ members: runs }], view)
  const legend = { orientation: "h", x: 1, xanchor: "right", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }
  const panel = (text, y) => ({
    text: `<b>${text}</b>`, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
  })
  const broken = runs.filter(run => run.diverged)
  const placed = run => placeOf(run, view.unit)(run.diverged.step)
  return {
    uirevision: view.revision,
    autosize: true, margin: { l: narrow ? 46 : 54, r: 8, t: 26, b: 38 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colors.font, color: colors.text, size: narrow ? 11 : 12.5 },
    hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid },
    dragmode: "zoom", showlegend: true,
    legend: { ...legend, y: 1.0 }, legend2: { ...legend, y: 0.44 },
    grid: { rows: 3, columns: 1, subplots: [["xy"], ["xy2"], ["xy3"]] },
    xaxis: { ...axis, ...horizontal(view, first, last), showticklabels: !empty, anchor: "y3", nticks: narrow ? 5 : 9 },
    yaxis: { ...axis, domain: [0.54, 1], uirevision: `${view.revision} ${view.log}`, type: view.log ? "log" : "linear", tickformat: "~g",
      rangemode: view.log ? "normal" : "tozero", nticks: view.log ? 4 : 6, ...(empty && { range: [0, 2.5] }) },
    yaxis2: { ...axis, domain: [0.19, 0.44], tickformat: ".0%", nticks: 5, range: [low - 0.1 * (1 - low), 1] },
    yaxis3: { ...axis, domain: [0, 0.1], rangemode: "tozero", nticks: 3, exponentformat: "power", ...(empty && { range: [0, 0.0012] }) },
    annotations: [
      panel("Loss", 1), panel("Accuracy", 0.44), panel("Learning rate", 0.1),
      ...broken.map(run => ({ text: "diverged", x: view.logX ? Math.log10(placed(run)) : placed(run), y: 1, yref: "paper", yanchor: "top",
        xanchor: "right", showarrow: false, font: { color: colors.red } })),
    ],
    shapes: broken.map(run => ({ type: "line", x0: placed(run), x1: placed(run), y0: 0, y1: 1,
      yref: "paper", line: { color: colors.red, width: 1.5, dash: "dash" } })),
  }
}

export const plotSettings = {
  displaylogo: false, responsive: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], displayModeBar: "hover",
}
