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

/** Axes show only where a trace is: these show them before there is any run. */
const NOTHING = ["y", "y2", "y3"].map(yaxis => ({ type: "scatter", x: [], y: [], yaxis, showlegend: false }))

export function traces(runs, view, colors) {
  if (!runs.length) return NOTHING
  return runs.flatMap((run, i) => {
    const alone = runs.length === 1
    const color = run.color || colors.series[i % colors.series.length]
    const held = alone ? colors.series[1] : color
    const name = text => (alone ? text : `${run.name} · ${text}`)
    const { step, trainAccuracy, loss, accuracy } = run.epochs
    const validated = loss.some(value => value !== null)
    const dash = alone ? "solid" : "dash"
    const common = { type: "scatter", mode: "lines", legendgroup: alone ? "" : run.id }
    const epochs = { ...common, mode: "lines+markers", x: step, marker: { size: 6 } }
    return [
      { ...common, uid: `${run.id}-raw`, name: name("each step"), x: run.steps, y: run.losses, opacity: 0.42,
        line: { color, width: 1 }, hovertemplate: "%{y:.4f}" },
      { ...common, uid: `${run.id}-smooth`, name: name("smoothed"), x: run.steps, y: run.smoothed,
        line: { color, width: 2.5 }, hovertemplate: "%{y:.4f}" },
      { ...epochs, uid: `${run.id}-loss`, name: name("validation"), y: loss, showlegend: validated,
        line: { color: held, width: 2, dash }, hovertemplate: "%{y:.4f}" },
      { ...epochs, uid: `${run.id}-train-accuracy`, name: name("training"), y: trainAccuracy, yaxis: "y2",
        legend: "legend2", line: { color, width: 2 }, hovertemplate: "%{y:.2%}" },
      { ...epochs, uid: `${run.id}-accuracy`, name: name("validation"), y: accuracy, yaxis: "y2", legend: "legend2",
        showlegend: validated, line: { color: held, width: 2, dash }, hovertemplate: "%{y:.2%}" },
      { ...common, uid: `${run.id}-rate`, name: name("learning rate"), x: run.steps, y: run.rates, yaxis: "y3",
        showlegend: false, line: { color: alone ? colors.series[2] : color, width: 2 }, hovertemplate: "%{y:.3~g}" },
    ]
  })
}

export function layout(runs, view, colors) {
  const narrow = view.width < 480
  const axis = { gridcolor: colors.grid, linecolor: colors.grid, zeroline: false, automargin: false, ticks: "" }
  const empty = !runs.length
  const lowest = Math.min(...runs.flatMap(run => [...run.epochs.trainAccuracy, ...run.epochs.accuracy.filter(a => a !== null)]))
  const low = lowest < 1 ? lowest : 0.8
  const last = Math.max(1, ...runs.map(run => run.size?.steps ?? 0))
  const legend = { orientation: "h", x: 1, xanchor: "right", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }
  const panel = (text, y) => ({
    text: `<b>${text}</b>`, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
  })
  const broken = runs.filter(run => run.diverged)
  return {
    uirevision: runs.map(run => run.id).join(),
    autosize: true, margin: { l: narrow ? 46 : 54, r: 8, t: 26, b: 38 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colors.font, color: colors.text, size: narrow ? 11 : 12.5 },
    hovermode: "x unified", hoversubplots: "axis", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid },
    dragmode: "zoom", showlegend: true,
    legend: { ...legend, y: 1.0 }, legend2: { ...legend, y: 0.44 },
    grid: { rows: 3, columns: 1, subplots: [["xy"], ["xy2"], ["xy3"]] },
    xaxis: { ...axis, range: [0, 1.01 * last], showticklabels: !empty, title: { text: "step", standoff: 6, font: { size: 12.5 } }, anchor: "y3", hoverformat: ",d",
      tickformat: ",d", nticks: narrow ? 5 : 9, unifiedhovertitle: { text: "step %{x:,d}" } },
    yaxis: { ...axis, domain: [0.54, 1], type: view.log ? "log" : "linear", exponentformat: "power",
      rangemode: view.log ? "normal" : "tozero", nticks: 6, dtick: view.log ? "D2" : undefined, ...(empty && { range: [0, 2.5] }) },
    yaxis2: { ...axis, domain: [0.19, 0.44], tickformat: ".0%", nticks: 5, range: [low - 0.1 * (1 - low), 1] },
    yaxis3: { ...axis, domain: [0, 0.1], rangemode: "tozero", nticks: 3, exponentformat: "power", ...(empty && { range: [0, 0.0012] }) },
    annotations: [
      panel("Loss", 1), panel("Accuracy", 0.44), panel("Learning rate", 0.1),
      ...broken.map(run => ({ text: "diverged", x: run.diverged.step, y: 1, yref: "paper", yanchor: "top",
        xanchor: "right", showarrow: false, font: { color: colors.red } })),
    ],
    shapes: broken.map(run => ({ type: "line", x0: run.diverged.step, x1: run.diverged.step, y0: 0, y1: 1,
      yref: "paper", line: { color: colors.red, width: 1.5, dash: "dash" } })),
  }
}

export const plotSettings = {
  displaylogo: false, responsive: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"], displayModeBar: "hover",
}
