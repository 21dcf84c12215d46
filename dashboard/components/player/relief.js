// The surface in three dimensions, and how to paint over it.

import { frame, lineOf } from "./figures.js"
import { at } from "./time.js"

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

/** Points on the relief, lifted a little; parts outside the domain are left out. */
export function relieved(surface, points, lift) {
  const spots = points.map(([x, y]) => [x, y, reliefAt(surface, x, y)])
  const raise = lift * (surface.high - surface.low)
  return { x: spots.map(s => (s[2] === null ? null : s[0])), y: spots.map(s => (s[2] === null ? null : s[1])),
    z: spots.map(s => (s[2] === null ? null : s[2] + raise)) }
}

/** Distance of a path above the relief, as a share of the relief's height. */
export const LIFT = 0.015
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
    ...frame(colors), uirevision: scene.id, margin: { l: 0, r: 0, t: 0, b: 0 },
    scene: {
      xaxis: plain, yaxis: plain, zaxis: { ...plain, range: [surface.low, surface.high + 0.05 * (surface.high - surface.low)] },
      aspectmode: "manual", aspectratio: { x: 1.1, y: 1.1, z: 0.62 },
      camera: { eye: { x: -0.88, y: -1.32, z: 1.65 }, center: { x: 0, y: 0, z: -0.08 } },
    },
  }]
}

/** The point of each walk at a cursor, on the relief. */
export function headsOf(scene, cursor) {
  const spots = scene.paths.map(path => (path.shown ? at(path, cursor) : { x: NaN, y: NaN }))
  return relieved(scene.surface, spots.map(({ x, y }) => [x, y]), LIFT)
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
  return Array.from({ length: 16 }, (_, k) => {
    const i = k % 4, j = 4 * Math.floor(k / 4)
    return p[i] * q[j] + p[i + 4] * q[j + 1] + p[i + 8] * q[j + 2] + p[i + 12] * q[j + 3]
  })
}
