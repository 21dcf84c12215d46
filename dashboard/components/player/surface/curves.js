// The curves over the steps. Pure: scene and colours in, traces and layout out.

import { frame, lineOf, TICKS, upTo } from "../figures.js"
import { paintCursor } from "../paint.js"
import { decades } from "../../shared/scales.js"

export const CURVES = [
  ["gap", "f − minimum"], ["slope", "Gradient norm"], ["distance", "Distance to the minimum"], ["reach", "Effective step"],
]

const curvesShown = scene => CURVES.filter(([quantity]) => quantity !== "distance" || scene.surface.minima.length)

export function curvesFigure(scene, colors) {
  const shown = curvesShown(scene)
  const steps = Float32Array.from({ length: scene.steps + 1 }, (_, i) => i)
  // Walks that diverged would flatten all others.
  const settled = scene.paths.filter(path => path.diverged < 0)
  const axes = {}, annotations = []
  shown.forEach(([quantity, title], i) => {
    const height = 1 / shown.length, top = 1 - i * height
    axes[`yaxis${i + 1}`] = { type: "log", domain: [top - height + 0.025, top - 0.055], exponentformat: "power",
      ...decades((settled.length ? settled : scene.paths).map(path => path[quantity])), gridcolor: colors.grid, zeroline: false, ...TICKS }
    annotations.push({ text: title, x: 0, y: top - 0.052, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom",
      showarrow: false, font: { size: 12, weight: 600 } })
  })
  const traces = shown.flatMap(([quantity], i) => scene.paths.map(path => {
    const end = quantity === "reach" ? Math.max(0, path.end - 1) : path.end
    return { type: "scatter", mode: "lines", name: path.label, visible: path.shown, x: upTo(steps, end),
      y: upTo(path[quantity], end), yaxis: i ? `y${i + 1}` : "y", line: lineOf(path, 1.5), opacity: 0.9,
      hovertemplate: `${path.label}: %{y:.3~g}<extra>step %{x}</extra>` }
  }))
  const panels = Object.fromEntries(shown.map(([, title], i) => [i ? `y${i + 1}` : "y", title]))
  axes.yaxis = axes.yaxis1
  delete axes.yaxis1
  return [traces, {
    ...frame(colors), ...axes, annotations, meta: { panels }, uirevision: `${scene.id} ${scene.steps}`, hovermode: "closest", dragmode: "pan",
    margin: { l: 42, r: 6, t: 0, b: 34 },
    xaxis: { range: [0, scene.steps], gridcolor: colors.grid, zeroline: false, nticks: 5, anchor: `y${shown.length}`,
      tickfont: { size: 10 }, title: { text: "step", standoff: 2, font: { size: 11 } } },
  }]
}

export function paintCurves(pen, plot, scene, cursor, colors) {
  const quantities = curvesShown(scene).map(([quantity]) => quantity)
  paintCursor(pen, plot, cursor, quantities.length, scene.paths.filter(path => path.shown), (row, path) => {
    // The last point has no step after it.
    const end = quantities[row] === "reach" ? path.end - 1 : path.end
    const value = path[quantities[row]][Math.min(Math.round(cursor), end)]
    return value > 0 ? value : NaN
  }, colors)
}
