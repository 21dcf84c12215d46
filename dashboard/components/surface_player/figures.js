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

/** The height of the drawn relief at a point, or null outside the domain: where a path lies on it. */
function reliefAt(surface, x, y) {
  const [xLow, xHigh, yLow, yHigh] = surface.domain, { z } = surface.coarse, last = z.length - 1
  const u = (last * (x - xLow)) / (xHigh - xLow), v = (last * (y - yLow)) / (yHigh - yLow)
  if (!(u >= 0 && u <= last && v >= 0 && v <= last)) return null
  const i = Math.min(Math.floor(u), last - 1), j = Math.min(Math.floor(v), last - 1), p = u - i, q = v - j
  const height = (1 - q) * ((1 - p) * z[j][i] + p * z[j][i + 1]) + q * ((1 - p) * z[j + 1][i] + p * z[j + 1][i + 1])
  return Number.isFinite(height) ? height : null
}

/** Points on the relief, lifted a little; parts outside the domain are left out. */
function relieved(surface, points, lift) {
  const spots = points.map(([x, y]) => [x, y, reliefAt(surface, x, y)])
  const raise = lift * (surface.high - surface.low)
  return { x: spots.map(s => (s[2] === null ? null : s[0])), y: spots.map(s => (s[2] === null ? null : s[1])),
    z: spots.map(s => (s[2] === null ? null : s[2] + raise)) }
}

/** How far above the relief a path is drawn, as a share of its height. */
const LIFT = 0.015
const pointsOf = path => Array.from({ length: path.end + 1 }, (_, i) => [path.x[i], path.y[i]])

export function reliefFigure(scene, colors, heads) {
  const { surface, paths } = scene
  const plain = { showgrid: false, zeroline: false, showspikes: false, showbackground: false, color: colors.text, nticks: 5,
    title: { text: "" } }
  const traces = [
    { type: "surface", ...surface.coarse, colorscale: colors.scale, showscale: false, hoverinfo: "skip",
      opacity: 0.96, lighting: { ambient: 0.75, diffuse: 0.5, specular: 0.05, roughness: 0.9 },
      contours: { z: { show: true, start: surface.low, end: surface.high, size: (surface.high - surface.low) / 22,
        color: colors.ridge, width: 1, highlight: false }, x: { highlight: false }, y: { highlight: false } } },
    ...paths.map(path => ({
      type: "scatter3d", mode: "lines", name: path.label, visible: path.shown, hoverinfo: "skip", connectgaps: false,
      opacity: heads ? 1 : 0.5,
      ...relieved(surface, pointsOf(path), LIFT), line: lineOf(path, heads ? 5 : 3),
    })),
    ...(heads ? [{ type: "scatter3d", mode: "markers", ...heads, hoverinfo: "skip",
      marker: { size: 6, color: paths.map(path => path.color), line: { color: colors.paper, width: 1 } } }] : []),
  ]
  return [traces, {
    ...frame(colors), uirevision: surface.id, margin: { l: 0, r: 0, t: 0, b: 0 },
    scene: {
      xaxis: plain, yaxis: plain, zaxis: { ...plain, range: [surface.low, surface.high + 0.05 * (surface.high - surface.low)] },
      aspectmode: "manual", aspectratio: { x: 1.1, y: 1.1, z: 0.62 },
      camera: { eye: { x: -0.8, y: -1.2, z: 1.5 }, center: { x: 0, y: 0, z: -0.08 } },
    },
  }]
}

/** The point of each walk at a cursor, on the relief. */
export function headsOf(scene, at) {
  return relieved(scene.surface, scene.paths.map(path => (path.shown ? [at(path).x, at(path).y] : [NaN, NaN])), LIFT)
}

/** Each walk on the relief, for drawing over it. */
export const ridesOf = scene => scene.paths.map(path => relieved(scene.surface, pointsOf(path), LIFT))

/** From a point of the relief to pixels of its plot: plotly's own camera, read off its scene. Null before it is drawn. */
export function projector(plot) {
  const scene = plot._fullLayout?.scene?._scene
  const camera = scene?.glplot?.cameraParams
  if (!camera?.view) return null
  const { clientWidth: width, clientHeight: height } = plot
  const [a, b, c] = scene.dataScale
  const m = product(camera.projection, product(camera.view, camera.model))
  const row = (i, x, y, z) => m[i] * x + m[i + 4] * y + m[i + 8] * z + m[i + 12]
  return (x, y, z) => {
    const [u, v, w] = [x * a, y * b, z * c], depth = row(3, u, v, w)
    return [(0.5 + row(0, u, v, w) / depth / 2) * width, (0.5 - row(1, u, v, w) / depth / 2) * height]
  }
}

/** Of two 4 x 4 matrices, column by column. */
function product(p, q) {
  return Array.from({ length: 16 }, (_, at) => {
    const i = at % 4, j = 4 * Math.floor(at / 4)
    return p[i] * q[j] + p[i + 4] * q[j + 1] + p[i + 8] * q[j + 2] + p[i + 12] * q[j + 3]
  })
}

export const CURVES = [
  ["gap", "f − minimum"], ["slope", "gradient norm"], ["distance", "distance to the minimum"], ["reach", "effective step"],
]

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
  const shown = CURVES.filter(([quantity]) => quantity !== "distance" || scene.surface.minima.length)
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
