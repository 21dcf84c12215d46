// Painting of the moving marks on canvases over plotly's still figures: drawing those anew would not reach 60 frames per second.

import { headsOf, projector, relieved } from "./relief.js"
import { at } from "./time.js"
import { penOn, strokePath } from "./trail.js"

/** Clip a pen to a plot's inside. */
function clipTo(pen, plot) {
  const { xaxis, yaxis } = plot._fullLayout
  pen.beginPath()
  pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length)
  pen.clip()
}

/** Call `paint` with the two axes' pixels, the pen clipped to the plot. */
export function withinMap(pen, plot, paint) {
  const { xaxis, yaxis } = plot._fullLayout
  pen.save()
  clipTo(pen, plot)
  paint(pixelsOf(xaxis), pixelsOf(yaxis))
  pen.restore()
}

/** Paint the paths on the contours up to a cursor: the whole steps as a trail, the rest and the heads on `overlay`. */
export function paintMap(trail, overlay, plot, scene, cursor, colors) {
  const { xaxis, yaxis } = plot._fullLayout, [px, py] = [pixelsOf(xaxis), pixelsOf(yaxis)], step = Math.floor(cursor)
  const view = [xaxis, yaxis].map(axis => [axis._offset, axis._length, ...axis.range]).join()
  trail.paint(view, scene.paths, step, colors, (path, _, from, to, visit) => {
    for (let i = from + 1; i <= to; i++) visit(px(path.x[i]), py(path.y[i]))
  }, pen => clipTo(pen, plot))
  const pen = penOn(overlay)
  withinMap(pen, plot, () => paintHeads(pen, scene.paths, colors, path => {
    const head = at(path, cursor), last = Math.min(step, path.end)
    return [[path.x[last], path.y[last]], [head.x, head.y]].map(([x, y]) => [px(x), py(y)])
  }))
  return pen
}

/** The same on the relief. `rides`: each path on it. The camera is plotly's own, so that turning the relief turns what is painted. */
export function paintRelief(trail, overlay, plot, scene, rides, cursor, colors) {
  const project = projector(plot), pen = penOn(overlay), step = Math.floor(cursor)
  if (!project) return pen
  trail.paint(project.view, scene.paths, step, colors, (_, k, from, to, visit) => {
    const { x, y, z, at: places } = rides[k]
    for (let i = from < 0 ? 0 : places[from] + 1; i <= places[to]; i++) {
      if (z[i] === null) visit(NaN, NaN)
      else visit(...project(x[i], y[i], z[i]))
    }
  })
  const heads = headsOf(scene, cursor)
  paintHeads(pen, scene.paths, colors, (path, k) => {
    if (heads.z[k] === null) return []
    const last = Math.min(step, path.end)
    const { x, y, z } = relieved(scene.surface, [[path.x[last], path.y[last]], [heads.x[k], heads.y[k]]])
    return x.flatMap((_, i) => (z[i] === null ? [] : [project(x[i], y[i], z[i])]))
  })
  return pen
}

/** The cursor's line through `rows` stacked plots at the horizontal `position`, and on it a dot per path. */
export function paintCursor(pen, plot, position, rows, paths, valueOf, colors) {
  const layout = plot._fullLayout, { xaxis } = layout
  const left = xaxis.d2p(position), x = xaxis._offset + left
  if (left < -1 || left > xaxis._length + 1) return
  for (let row = 0; row < rows; row++) {
    const axis = layout[row ? `yaxis${row + 1}` : "yaxis"]
    Object.assign(pen, { globalAlpha: 0.5, fillStyle: colors.text })
    pen.fillRect(x - 0.5, axis._offset, 1, axis._length)
    pen.globalAlpha = 1
    for (const path of paths) {
      const y = axis.d2p(valueOf(row, path))
      if (y >= -1 && y <= axis._length + 1) dot(pen, x, axis._offset + y, 3.5, path.color, colors.paper)
    }
  }
}

/** For every shown path the way from its last whole step, and a dot at the end of it: `wayOf` returns its pixels. */
function paintHeads(pen, paths, colors, wayOf) {
  const ways = paths.map((path, k) => (path.shown ? wayOf(path, k) : []))
  ways.forEach((way, k) => {
    if (way.length < 2) return
    pen.beginPath()
    for (const spot of way) pen.lineTo(...spot)
    strokePath(pen, paths[k], colors)
  })
  ways.forEach((way, k) => way.length && dot(pen, ...way.at(-1), 5.5, paths[k].color, colors.paper))
}

/** From values of an axis to pixels of its plot. */
function pixelsOf(axis) {
  const zero = axis._offset + axis.l2p(0), slope = axis.l2p(1) - axis.l2p(0)
  return value => zero + slope * value
}

export function dot(pen, x, y, radius, color, edge) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 2 * Math.PI)
  Object.assign(pen, { fillStyle: color, strokeStyle: edge, lineWidth: 1.5 })
  pen.fill()
  pen.stroke()
}
