// The surface in three dimensions, and how to paint over it.

import { frame, lineOf, upTo } from "./figures.js"
import { levelsOf, ticksOf, trueHeights } from "./levels.js"
import { at } from "./time.js"
import { REPEATED } from "../shared/points.js"

let three

/** Whether the browser draws in three dimensions; tried once per page. */
export function inThreeDimensions() {
  if (three === undefined) {
    const pen = document.createElement("canvas").getContext("webgl")
    three = Boolean(pen)
    // A browser keeps few of these at a time.
    pen?.getExtension("WEBGL_lose_context")?.loseContext()
  }
  return three
}

const LACKING = "This browser can't draw in 3-D: WebGL is off, or not there. The contours show the same surface."

/** Say in the place of the relief that the browser lacks it, and take the tools away. */
export function sayWhatLacks(place, tools) {
  if (place.querySelector(".lacking")) return
  place.append(Object.assign(document.createElement("p"), { className: "lacking", textContent: LACKING }))
  for (const part of tools.parts) part.remove()
}

/** Height of the drawn relief at a point, or null outside the domain. A path is drawn on the relief, not at its own height:
 * the grid is coarse, and a path would dip below it. */
export function reliefAt(surface, x, y) {
  const [xLow, xHigh, yLow, yHigh] = surface.domain, { z } = surface.coarse, last = z.length - 1
  const u = (last * (x - xLow)) / (xHigh - xLow), v = (last * (y - yLow)) / (yHigh - yLow)
  if (!(u >= 0 && u <= last && v >= 0 && v <= last)) return null
  const i = Math.min(Math.floor(u), last - 1), j = Math.min(Math.floor(v), last - 1), p = u - i, q = v - j
  const height = (1 - q) * ((1 - p) * z[j][i] + p * z[j][i + 1]) + q * ((1 - p) * z[j + 1][i] + p * z[j + 1][i + 1])
  return Number.isFinite(height) ? height : null
}

/** Distance of a path above the relief, as a share of the relief's height. */
const LIFT = 0.015
/** A step is cut into pieces of a cell of the relief's grid, but no more than so many. */
const MOST_PIECES = 48

/** The way over the relief through points: between two of them it follows the relief too. Parts outside the domain are left out.
 * `at` has the place of each of the points. */
export function relieved(surface, points) {
  const [xLow, xHigh, yLow, yHigh] = surface.domain, cells = surface.coarse.z.length - 1
  const raise = LIFT * (surface.high - surface.low), way = { x: [], y: [], z: [], at: [] }
  const add = (x, y) => {
    const height = reliefAt(surface, x, y), inside = height !== null
    way.x.push(inside ? x : null)
    way.y.push(inside ? y : null)
    way.z.push(inside ? height + raise : null)
  }
  points.forEach(([x, y], i) => {
    const [u, v] = points[i - 1] ?? [x, y]
    const pieces = Math.ceil(Math.min(MOST_PIECES, cells * Math.max(Math.abs(x - u) / (xHigh - xLow), Math.abs(y - v) / (yHigh - yLow)))) || 1
    for (let piece = 1; piece < pieces; piece++) add(u + ((x - u) * piece) / pieces, v + ((y - v) * piece) / pieces)
    add(x, y)
    way.at.push(way.x.length - 1)
  })
  return way
}

/** Each path on the relief. */
export const ridesOf = scene =>
  scene.paths.map(path => relieved(scene.surface, Array.from({ length: path.end + 1 }, (_, i) => [path.x[i], path.y[i]])))

/** `heads`, for a picture or numbers to keep: the paths as far as they are, strong, with a dot at the end of each. */
export function reliefFigure(scene, colors, rides, heads) {
  const { surface, paths } = scene, { start, end, size } = levelsOf(surface), ticks = ticksOf(surface)
  // Beside a hole, plotly's lines stop a browser that draws without a graphics card for minutes.
  const whole = surface.coarse.z.every(row => row.every(Number.isFinite))
  const axis = { gridcolor: colors.wall, linecolor: colors.wall, zeroline: false, showspikes: false, showbackground: true, backgroundcolor: colors.box,
    color: colors.text, nticks: 5, tickfont: { size: 10 } }
  const named = i => ({ ...axis, title: { text: scene.names?.[i] ?? "", font: { size: 12 } } })
  const traces = [
    { type: "surface", ...surface.coarse, colorscale: colors.relief, hoverinfo: "skip",
      ...(heads && { meta: { z: trueHeights(surface, surface.coarse) } }),
      colorbar: { thickness: 9, len: 0.8, x: 1, xpad: 4, outlinewidth: 0, tickfont: { size: 10 }, ...ticks },
      lighting: { ambient: 0.72, diffuse: 0.55, specular: 0.05, roughness: 0.9 },
      contours: { z: { show: whole, start, end, size, color: colors.ridge, width: 1, highlight: false }, x: { highlight: false }, y: { highlight: false } } },
    ...paths.map((path, k) => ({
      type: "scatter3d", mode: "lines", name: path.label, visible: path.shown, hoverinfo: "skip", connectgaps: false,
      opacity: heads ? 1 : 0.5, x: rides[k].x, y: rides[k].y, z: rides[k].z, line: lineOf(path, heads ? 5 : 3),
      meta: { x: upTo(path.x, path.end), y: upTo(path.y, path.end), z: path.height },
    })),
    ...(heads ? [{ type: "scatter3d", mode: "markers", ...heads, hoverinfo: "skip", showlegend: false, meta: REPEATED,
      marker: { size: 6, color: paths.map(path => path.color), line: { color: colors.paper, width: 1 } } }] : []),
  ]
  return [traces, {
    ...frame(colors), meta: { z: surface.heightName }, uirevision: scene.id, margin: { l: 0, r: 0, t: 0, b: 0 },
    scene: {
      xaxis: named(0), yaxis: named(1),
      // The colour bar tells the heights.
      zaxis: { ...axis, ...ticks, showticklabels: false, title: { text: "" }, range: [surface.low, surface.high + 0.05 * (surface.high - surface.low)] },
      aspectmode: "manual", aspectratio: { x: 1.1, y: 1.1, z: 0.62 },
      camera: { eye: { x: -1.2, y: -1.8, z: 1.62 }, center: { x: 0, y: 0, z: -0.14 } },
    },
  }]
}

/** The point of each walk at a cursor, on the relief; null where it is hidden or outside the domain. */
export function headsOf(scene, cursor) {
  const { surface, paths } = scene, raise = LIFT * (surface.high - surface.low)
  const spots = paths.map(path => {
    const { x, y } = at(path, cursor), height = path.shown ? reliefAt(surface, x, y) : null
    return height === null ? [null, null, null] : [x, y, height + raise]
  })
  return { x: spots.map(s => s[0]), y: spots.map(s => s[1]), z: spots.map(s => s[2]) }
}

/** The camera of a drawn relief as it is now. plotly's layout has that of the moment when the hand let go, or of the last redraw: the
 * relief turns on a little after. */
export const liveCamera = plot => plot._fullLayout.scene._scene.getCamera()

/** From a point of the relief to pixels of its plot: plotly's own camera, read off its scene; `view` is that camera as text. Null before
 * it is drawn. */
export function projector(plot) {
  const scene = plot._fullLayout?.scene?._scene
  const camera = scene?.glplot?.cameraParams
  if (!camera?.view) return null
  const { _size: size, scene: { domain } } = plot._fullLayout
  const left = size.l + size.w * domain.x[0], width = size.w * (domain.x[1] - domain.x[0])
  const top = size.t + size.h * (1 - domain.y[1]), height = size.h * (domain.y[1] - domain.y[0])
  const [a, b, c] = scene.dataScale
  const m = product(camera.projection, product(camera.view, camera.model))
  const row = (i, x, y, z) => m[i] * x + m[i + 4] * y + m[i + 8] * z + m[i + 12]
  const project = (x, y, z) => {
    const [u, v, w] = [x * a, y * b, z * c], depth = row(3, u, v, w)
    return [left + (0.5 + row(0, u, v, w) / depth / 2) * width, top + (0.5 - row(1, u, v, w) / depth / 2) * height]
  }
  return Object.assign(project, { view: [...m, a, b, c, left, top, width, height].join() })
}

/** Of two 4 x 4 matrices, column by column. */
function product(p, q) {
  return Array.from({ length: 16 }, (_, k) => {
    const i = k % 4, j = 4 * Math.floor(k / 4)
    return p[i] * q[j] + p[i + 4] * q[j + 1] + p[i + 8] * q[j + 2] + p[i + 12] * q[j + 3]
  })
}
