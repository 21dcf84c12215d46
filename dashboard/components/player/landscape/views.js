// The three figures of the network's surface. Pure: scene and colours in, traces and layout out.

import { epochText, isOff, momentAt } from "./scene.js"
import { frame, mapFigure, TICKS } from "../figures.js"
import { dot, paintCursor, withinMap } from "../paint.js"
import { projector, relieved } from "../relief.js"
import { percent, significant } from "../../shared/format.js"
import { REPEATED } from "../../shared/points.js"
import { heldAt } from "../../shared/series.js"

/** A distance off the plane; that of a point on it is rounding alone. */
export const offPlane = value => (value < 1e-5 ? "0" : significant(value))

/** A point's figures, for its hover. */
function hoverOf(scene, path, i) {
  const { known } = path
  const when = path.model ? "" : `<br>epoch ${Number(epochText(scene, known.epochs[i]))}`
  return `<b>${path.label}</b>${when}<br>its loss ${significant(known.truth[i])}, accuracy ${percent(known.accuracy[i])}` +
    `<br>loss on the plane ${significant(known.shown[i])}<br>distance off the plane ${offPlane(known.distance[i])}`
}

/** A path's known points: on the plane at their places, off it hollow on the rail. */
function marks(scene, path) {
  const { rail } = scene
  const off = Array.from(path.known.distance, value => isOff(value, rail))
  const trace = (wanted, places) => {
    const chosen = [...off.keys()].filter(i => off[i] === wanted)
    return { type: "scatter", mode: "markers", name: path.label, showlegend: false, visible: path.shown, meta: REPEATED,
      ...places(chosen),
      text: chosen.map(i => hoverOf(scene, path, i)), hovertemplate: "%{text}<extra></extra>" }
  }
  const on = trace(false, chosen => ({ x: chosen.map(i => path.known.a[i]), y: chosen.map(i => path.known.b[i]),
    marker: path.model ? { symbol: "diamond", size: 12, color: path.color, line: { color: "#fff", width: 1.5 } }
      : { size: 6, color: path.color, opacity: 0.55 } }))
  const hollow = { symbol: path.model ? "diamond-open" : "circle-open", size: path.model ? 12 : 7, color: path.color, opacity: 0.7 }
  return rail ? [on, trace(true, chosen => ({ x: chosen.map(i => path.known.distance[i]), y: chosen.map(() => 0), xaxis: "x2", yaxis: "y2",
    marker: hollow }))] : [on]
}

/** Share of the map's height for its contours where there is a rail above them. */
const BELOW_RAIL = 0.87

/** The axes of the rail: distances, from the plane itself at the left. */
const railAxes = (length, colors) => ({
  xaxis2: { range: [-0.03 * length, 1.06 * length], anchor: "y2", side: "top", fixedrange: true, showgrid: false, zeroline: true,
    zerolinecolor: colors.grid, linecolor: colors.grid, nticks: 6, tickfont: { size: 10 },
    title: { text: "off the plane, at this distance: hollow", standoff: 2, font: { size: 11 } } },
  yaxis2: { range: [-1, 1], domain: [BELOW_RAIL + 0.06, 1], anchor: "x2", visible: false, fixedrange: true },
})

/** For accuracy the deep colour stands where it is high: there it is good. */
export function toned(colors, view) {
  const turned = scale => scale.map(([stop, color]) => [1 - stop, color]).reverse()
  return view === "accuracy" ? { ...colors, scale: turned(colors.scale), relief: turned(colors.relief) } : colors
}

export function planeFigure(scene, colors, strong = false, step = Infinity) {
  const [traces, layout] = mapFigure(scene, colors, strong, step)
  const named = text => ({ title: { text, standoff: 4, font: { size: 11 } } })
  const { rail } = scene, above = rail ? { domain: [0, BELOW_RAIL] } : {}
  return [[...traces, ...scene.paths.flatMap(path => marks(scene, path))], {
    ...layout, uirevision: scene.id, margin: { ...layout.margin, l: 48, b: 38, ...(rail ? { t: 34 } : {}) },
    xaxis: { ...layout.xaxis, ...named(scene.axes[0]) }, yaxis: { ...layout.yaxis, ...named(scene.axes[1]), ...above },
    ...(rail ? railAxes(rail, colors) : {}) }]
}

const ROWS = [
  { name: "losses", title: "Loss: its own, and dotted on the plane", log: true },
  { name: "distance", title: "Distance off the plane" },
  { name: "training", title: "Training loss, the run's own curve", log: true },
]

export function curvesFigure(scene, colors) {
  const runs = scene.paths.filter(path => !path.model)
  const axes = {}, annotations = []
  ROWS.forEach(({ title, log }, i) => {
    const height = 1 / ROWS.length, top = 1 - i * height
    axes[i ? `yaxis${i + 1}` : "yaxis"] = { type: log ? "log" : "linear", domain: [top - height + 0.03, top - 0.06],
      gridcolor: colors.grid, zeroline: false, ...TICKS, tickformat: "~g", nticks: 4, rangemode: log ? "normal" : "tozero" }
    annotations.push({ text: title, x: 0, y: top - 0.055, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom",
      showarrow: false, font: { size: 12, weight: 600 } })
  })
  const trace = (path, x, y, row, dash, word) => ({ type: "scatter", mode: "lines", name: path.label, visible: path.shown,
    x: y.length ? x : [0], y: y.length ? y : [null], yaxis: row ? `y${row + 1}` : "y", opacity: dash ? 0.8 : 0.95,
    line: { color: path.color, width: 1.6, dash: dash || path.dash }, hovertemplate: `${path.label}, ${word}: %{y:.4~g}<extra>epoch %{x:.4~g}</extra>` })
  const traces = runs.flatMap(path => [
    trace(path, path.known.epochs, path.known.truth, 0, "", "its own loss"),
    { ...trace(path, path.known.epochs, path.known.shown, 0, "dot", "on the plane"), meta: "on the plane" },
    trace(path, path.known.epochs, path.known.distance, 1, "", "distance"),
    trace(path, path.curve.epochs, path.curve.loss, 2, "", "training loss"),
  ])
  const gaps = ROWS.map((_, i) => ({ type: "scatter", x: [0], y: [null], yaxis: i ? `y${i + 1}` : "y", hoverinfo: "skip" }))
  return [[...traces, ...gaps], {
    ...frame(colors), ...axes, annotations, meta: { panels: Object.fromEntries(ROWS.map(({ title }, i) => [i ? `y${i + 1}` : "y", title])) }, uirevision: `${scene.id} lines`, hovermode: "closest", dragmode: "pan",
    // Above, room for the button that saves, which would cover the end of the first title.
    margin: { l: 42, r: 6, t: 10, b: 34 },
    xaxis: { range: [0, scene.moments.at(-1) || 1], gridcolor: colors.grid, zeroline: false, nticks: 6, anchor: `y${ROWS.length}`,
      tickfont: { size: 10 }, title: { text: "epoch", standoff: 2, font: { size: 11 } } },
  }]
}

/** The cursor's line through the curves, and each run's value on it. */
export function paintCurves(pen, plot, scene, cursor, colors) {
  const epoch = momentAt(scene, cursor), runs = scene.paths.filter(path => path.shown && !path.model)
  const quantities = { losses: path => path.truth, distance: path => path.distance }
  paintCursor(pen, plot, epoch, ROWS.length, runs, (row, path) => {
    const { name } = ROWS[row]
    return name === "training" ? heldAt(path.curve.epochs, path.curve.loss, epoch)
      : quantities[name](path)[Math.min(Math.round(cursor), path.end)]
  }, colors)
}

/** Each path that is off the plane at the cursor, hollow on the rail. */
export function paintRail(pen, plot, scene, cursor, colors) {
  if (!scene.rail) return
  for (const path of scene.paths) {
    const i = Math.min(Math.round(cursor), path.end)
    if (path.shown && path.off[i]) railDot(pen, plot, path.distance[i], 6, path.color, colors)
  }
}

function railDot(pen, plot, distance, radius, color, colors) {
  const { xaxis2: along, yaxis2: across } = plot._fullLayout
  dot(pen, along._offset + along.d2p(distance), across._offset + across._length / 2, radius, colors.paper, color)
}

/** A run that is training now, on the contours; where the plane has a rail, there. */
export function paintLive(pen, plot, { live, rail }, colors) {
  if (!live?.a.length) return
  if (rail) return railDot(pen, plot, live.distance.at(-1), 8, live.color, colors)
  withinMap(pen, plot, (px, py) => paintWay(pen, live.a.map((a, i) => [px(a), py(live.b[i])]), live, colors))
}

/** The same on the relief, as far as it lies within the grid. */
export function paintLiveRelief(pen, plot, scene, colors) {
  const project = !scene.rail && scene.live?.a.length && projector(plot)
  if (!project) return
  const ride = relieved(scene.surface, scene.live.a.map((a, i) => [a, scene.live.b[i]]))
  const spots = ride.x.flatMap((x, i) => (x === null ? [] : [project(x, ride.y[i], ride.z[i])]))
  if (spots.length) paintWay(pen, spots, scene.live, colors)
}

/** The way so far, dotted, and where the run is. */
function paintWay(pen, spots, live, colors) {
  pen.beginPath()
  for (const spot of spots) pen.lineTo(...spot)
  Object.assign(pen, { strokeStyle: live.color, lineWidth: 2.5 })
  pen.setLineDash([3, 3])
  pen.stroke()
  pen.setLineDash([])
  dot(pen, ...spots.at(-1), 8, live.color, colors.text)
}
