// The three figures: contours, surface and curves. Pure: scene and colours in, traces and layout out.

export function palette(element) {
  const style = getComputedStyle(element)
  const value = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other
  const text = value("text-color", "#1b2733"), paper = value("background-color", "#fff")
  const dark = luminance(paper) < 0.4
  return {
    text, paper, dark, grid: value("border-color", "#d9e0e5"), font: value("font", "sans-serif"),
    // Quiet, so that the paths are what one sees: deep where f is low, pale where it is high.
    scale: dark
      ? [[0, "#0c2233"], [0.35, "#183a50"], [0.7, "#2d4f63"], [1, "#4b6675"]]
      : [[0, "#a9c4d6"], [0.35, "#cbdbe5"], [0.7, "#e6edf1"], [1, "#f8fafb"]],
    line: dark ? "rgba(255,255,255,0.13)" : "rgba(20,50,75,0.16)", ridge: dark ? "#38566a" : "#b4c6d3",
  }
}

function luminance(color) {
  const hex = /^#(..)(..)(..)/.exec(color)
  const [r, g, b] = hex ? hex.slice(1).map(part => parseInt(part, 16)) : color.match(/\d+/g)?.map(Number) ?? [255, 255, 255]
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255
}

const frame = colors => ({
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
  font: { color: colors.text, family: colors.font, size: 12 }, hoverlabel: { font: { family: colors.font } },
})

const lineOf = (path, width) => ({ color: path.color, width, dash: path.dash })
const upTo = (values, end) => values.subarray(0, end + 1)

/** Where the step into `step` crosses the edge of the domain. */
function crossing(path, step, [xLow, xHigh, yLow, yHigh]) {
  const [x, y, u, v] = [path.x[step - 1], path.y[step - 1], path.x[step], path.y[step]]
  const share = (from, to, low, high) => (to > high ? (high - from) / (to - from) : to < low ? (low - from) / (to - from) : 1)
  const t = Math.min(share(x, u, xLow, xHigh), share(y, v, yLow, yHigh))
  return Number.isFinite(t) ? [x + t * (u - x), y + t * (v - y)] : [x, y]
}

/** Where a path left the domain: a ring, or a cross if it then diverged. */
function fates(paths, surface, colors) {
  const marked = paths.filter(path => path.shown && (path.left > 0 || path.diverged > 0)).map(path => ({
    path, at: crossing(path, path.left > 0 ? path.left : path.diverged, surface.domain),
    said: [path.left > 0 ? `left the domain at step ${path.left}` : "", path.diverged > 0 ? `diverged at step ${path.diverged}` : ""],
  }))
  return {
    type: "scatter", mode: "markers", x: marked.map(m => m.at[0]), y: marked.map(m => m.at[1]), cliponaxis: false,
    marker: { symbol: marked.map(m => (m.path.diverged > 0 ? "x" : "circle-open")), size: 12,
      color: marked.map(m => m.path.color), line: { width: 2, color: marked.map(m => (m.path.diverged > 0 ? colors.paper : m.path.color)) } },
    text: marked.map(m => `${m.path.label} ${m.said.filter(Boolean).join(", ")}`), hovertemplate: "%{text}<extra></extra>",
  }
}

export function mapFigure(scene, colors, strong = false, step = Infinity) {
  const { surface, paths } = scene
  const [xLow, xHigh, yLow, yHigh] = surface.domain
  const { low, high } = surface
  const traces = [
    { type: "contour", ...surface.fine, colorscale: colors.scale, showscale: false, hoverinfo: "skip",
      zmin: low, zmax: high, contours: { start: low, end: high, size: (high - low) / 22, coloring: "fill" },
      line: { color: colors.line, width: 1 } },
    ...paths.map(path => ({
      type: "scatter", mode: "lines", name: path.label, visible: path.shown, opacity: strong ? 1 : 0.35,
      x: upTo(path.x, Math.min(step, path.end)), y: upTo(path.y, Math.min(step, path.end)), line: lineOf(path, strong ? 2.5 : 1.5),
      hoverinfo: "skip",
    })),
    { type: "scatter", mode: "markers", x: surface.minima.map(m => m[0]), y: surface.minima.map(m => m[1]),
      marker: { symbol: "star", size: 13, color: colors.text, line: { color: colors.paper, width: 1.5 } },
      hovertemplate: "minimum (%{x:.4g}, %{y:.4g})<extra></extra>" },
    fates(paths, surface, colors),
  ]
  const axis = { showgrid: false, zeroline: false, linecolor: colors.grid, ticks: "outside", tickcolor: colors.grid, nticks: 7 }
  return [traces, {
    ...frame(colors), uirevision: surface.id, dragmode: "pan", hovermode: "closest",
    margin: { l: 36, r: 6, t: 4, b: 30 },
    xaxis: { ...axis, range: [xLow, xHigh], constrain: "domain" },
    yaxis: { ...axis, range: [yLow, yHigh], scaleanchor: "x", constrain: "domain" },
  }]
}

export const CURVES = [
  ["gap", "f − minimum"], ["slope", "gradient norm"], ["distance", "distance to the minimum"], ["reach", "effective step"],
]

export const curvesShown = scene => CURVES.filter(([quantity]) => quantity !== "distance" || scene.surface.minima.length)

const LOWEST = 1e-12

/** The range of a log axis over these values, and ticks every so many decades. */
function decades(series) {
  let low = Infinity, high = -Infinity
  for (const value of series.flatMap(values => [...values])) {
    if (value >= LOWEST && value < low) low = value
    if (value > high && Number.isFinite(value)) high = value
  }
  if (!(low < high)) return { nticks: 4 }
  const [from, to] = [Math.log10(low), Math.log10(high)], margin = 0.06 * (to - from)
  return { range: [from - margin, to + margin], dtick: Math.max(1, Math.ceil((to - from) / 4)) }
}

export function curvesFigure(scene, colors) {
  const shown = curvesShown(scene)
  const steps = Float32Array.from({ length: scene.steps + 1 }, (_, i) => i)
  // Walks that diverged would flatten all others.
  const settled = scene.paths.filter(path => path.diverged < 0)
  const axes = {}, annotations = []
  shown.forEach(([quantity, title], i) => {
    const height = 1 / shown.length, top = 1 - i * height
    axes[`yaxis${i + 1}`] = { type: "log", domain: [top - height + 0.025, top - 0.055], exponentformat: "power",
      ...decades((settled.length ? settled : scene.paths).map(path => path[quantity])), gridcolor: colors.grid, zeroline: false, tickfont: { size: 10 } }
    annotations.push({ text: title, x: 0, y: top - 0.052, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom",
      showarrow: false, font: { size: 12, weight: 600 } })
  })
  const traces = shown.flatMap(([quantity], i) => scene.paths.map(path => {
    const end = quantity === "reach" ? Math.max(0, path.end - 1) : path.end
    return { type: "scatter", mode: "lines", name: path.label, visible: path.shown, x: upTo(steps, end),
      y: upTo(path[quantity], end), yaxis: i ? `y${i + 1}` : "y", line: lineOf(path, 1.5), opacity: 0.9,
      hovertemplate: `${path.label}: %{y:.3~g}<extra>step %{x}</extra>` }
  }))
  axes.yaxis = axes.yaxis1
  delete axes.yaxis1
  return [traces, {
    ...frame(colors), ...axes, annotations, uirevision: `${scene.surface.id} ${scene.steps}`, hovermode: "closest", dragmode: "pan",
    margin: { l: 42, r: 6, t: 0, b: 24 },
    xaxis: { range: [0, scene.steps], gridcolor: colors.grid, zeroline: false, nticks: 5, anchor: `y${shown.length}`,
      tickfont: { size: 10 } },
  }]
}
