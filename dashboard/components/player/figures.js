// The contours, and what all figures of a player share. Pure: scene and colours in, traces and layout out.

import { labelsOf, levelsOf, trueHeights } from "./levels.js"
import { REPEATED } from "../shared/points.js"
import { luminance, themeOf } from "../shared/theme.js"

/** The theme's colours, and those of the surface. */
export function palette(element) {
  const theme = themeOf(element), dark = luminance(theme.paper) < 0.4
  return {
    ...theme, dark,
    // Quiet, so that the paths are what one sees: deep where f is low, pale where it is high.
    scale: dark
      ? [[0, "#0c2233"], [0.35, "#183a50"], [0.7, "#2d4f63"], [1, "#4b6675"]]
      : [[0, "#a9c4d6"], [0.35, "#cbdbe5"], [0.7, "#e6edf1"], [1, "#f8fafb"]],
    line: dark ? "rgba(255,255,255,0.13)" : "rgba(20,50,75,0.16)", major: dark ? "rgba(255,255,255,0.3)" : "rgba(20,50,75,0.36)",
    // The relief must stand out from the box around it, which its palest colour would not in light.
    relief: dark ? [[0, "#12324a"], [0.5, "#2f5a74"], [1, "#7d9fb2"]] : [[0, "#5f8fae"], [0.5, "#a9c6d8"], [1, "#dfeaf1"]],
    ridge: dark ? "#4a6b80" : "#86a5b9", box: dark ? "#172029" : "#f4f6f7", wall: dark ? "#33424e" : "#d3dce2",
  }
}

export const frame = colors => ({
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
  font: { color: colors.text, family: colors.font, size: 12 }, hoverlabel: { font: { family: colors.font } },
})

/** The numbers of an axis of curves: beside the dots of the cursor, which stands on it before the first step. */
export const TICKS = { tickfont: { size: 10 }, ticklabelstandoff: 5 }

export const lineOf = (path, width) => ({ color: path.color, width, dash: path.dash })
export const upTo = (values, end) => values.subarray(0, end + 1)

/** Point at which the step into `step` crosses the edge of the domain; the start for step 0. */
function crossing(path, step, [xLow, xHigh, yLow, yHigh]) {
  if (step === 0) return [path.x[0], path.y[0]]
  const [x, y, u, v] = [path.x[step - 1], path.y[step - 1], path.x[step], path.y[step]]
  const share = (from, to, low, high) => (to > high ? (high - from) / (to - from) : to < low ? (low - from) / (to - from) : 1)
  const t = Math.min(share(x, u, xLow, xHigh), share(y, v, yLow, yHigh))
  return Number.isFinite(t) ? [x + t * (u - x), y + t * (v - y)] : [x, y]
}

/** Marks at the edge of the domain: a ring where a path left it or at a start outside, a cross if it then diverged. */
function fates(paths, surface, colors) {
  const marked = paths.filter(path => path.shown && (path.left >= 0 || path.diverged > 0)).map(path => ({
    path, at: crossing(path, path.left >= 0 ? path.left : path.diverged, surface.domain),
    fate: [
      path.left > 0 ? `left the domain at step ${path.left}` : path.left === 0 ? "starts outside the domain" : "",
      path.diverged > 0 ? `diverged at step ${path.diverged}` : "",
    ],
  }))
  return {
    type: "scatter", mode: "markers", showlegend: false, x: marked.map(m => m.at[0]), y: marked.map(m => m.at[1]), cliponaxis: false,
    marker: { symbol: marked.map(m => (m.path.diverged > 0 ? "x" : "circle-open")), size: 12,
      color: marked.map(m => m.path.color), line: { width: 2, color: marked.map(m => (m.path.diverged > 0 ? colors.paper : m.path.color)) } },
    text: marked.map(m => `${m.path.label} ${m.fate.filter(Boolean).join(", ")}`), hovertemplate: "%{text}<extra></extra>",
    meta: REPEATED,
  }
}

/** `strong`, for a picture or numbers to keep: the paths as far as `step`. */
export function mapFigure(scene, colors, strong = false, step = Infinity) {
  const { surface, paths } = scene
  const [xLow, xHigh, yLow, yHigh] = surface.domain
  const { low, high } = surface, { start, end, size, major, values } = levelsOf(surface)
  const traces = [
    { type: "contour", ...surface.fine, colorscale: colors.scale, showscale: false, hoverinfo: "skip",
      zmin: low, zmax: high, contours: { start, end, size, coloring: "fill" }, line: { color: colors.line, width: 1 },
      ...(strong && { meta: { z: trueHeights(surface, surface.fine) } }) },
    { type: "contour", ...surface.fine, showscale: false, hoverinfo: "skip", showlegend: false, line: { color: colors.major, width: 1.25 },
      contours: { start: values[0] ?? high, end: values.at(-1) ?? high, size: major, coloring: "none" }, meta: REPEATED },
    ...paths.map(path => ({
      type: "scatter", mode: "lines", name: path.label, visible: path.shown, opacity: strong ? 1 : 0.35,
      x: upTo(path.x, Math.min(step, path.end)), y: upTo(path.y, Math.min(step, path.end)), line: lineOf(path, strong ? 2.5 : 1.5),
      hoverinfo: "skip", meta: { z: path.height },
    })),
    { type: "scatter", mode: "markers", name: "minimum", showlegend: false, x: surface.minima.map(m => m[0]), y: surface.minima.map(m => m[1]),
      meta: { z: surface.minima.map(() => surface.minimum) },
      marker: { symbol: "star", size: 13, color: colors.text, line: { color: colors.paper, width: 1.5 } },
      hovertemplate: "minimum (%{x:.4g}, %{y:.4g})<extra></extra>" },
    fates(paths, surface, colors),
  ]
  const axis = { showgrid: false, zeroline: false, linecolor: colors.grid, ticks: "outside", tickcolor: colors.grid, nticks: 7 }
  return [traces, {
    ...frame(colors), meta: { z: surface.heightName }, uirevision: scene.id, dragmode: "pan", hovermode: "closest",
    annotations: labelsOf(surface).map(({ x, y, text }) => ({ x, y, text, showarrow: false, bgcolor: colors.paper, borderpad: 1, opacity: 0.8, font: { size: 10 } })),
    margin: { l: 36, r: 6, t: 4, b: 30 },
    xaxis: { ...axis, range: [xLow, xHigh], constrain: "domain" },
    yaxis: { ...axis, range: [yLow, yHigh], scaleanchor: "x", constrain: "domain" },
  }]
}
