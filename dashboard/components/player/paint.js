// Painting of the moving marks on canvases over plotly's still figures: drawing those anew would not reach 60 frames per second.

import { headsOf, projector } from "./relief.js"
import { at } from "./time.js"

/** A cleared pen on a canvas, in the page's own pixels. */
export function penOn(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas
  const ratio = window.devicePixelRatio || 1
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  const pen = canvas.getContext("2d")
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, width, height)
  return pen
}

/** Call `paint` with the two axes' pixels, the pen clipped to the plot. */
export function withinMap(pen, plot, paint) {
  const { xaxis, yaxis } = plot._fullLayout
  pen.save()
  pen.beginPath()
  pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length)
  pen.clip()
  paint(pixelsOf(xaxis), pixelsOf(yaxis))
  pen.restore()
}

export function paintMap(pen, plot, scene, cursor, colors) {
  withinMap(pen, plot, (px, py) => paintPaths(pen, scene.paths, colors, path => {
    for (let i = 0; i <= Math.min(Math.floor(cursor), path.end); i++) pen.lineTo(px(path.x[i]), py(path.y[i]))
    const { x, y } = at(path, cursor)
    pen.lineTo(px(x), py(y))
    return [px(x), py(y)]
  }))
}

/** `rides`: each path on the relief. The camera is plotly's own, so that turning the relief turns what is painted. */
export function paintRelief(pen, plot, scene, rides, cursor, colors) {
  const project = projector(plot)
  if (!project) return
  const heads = headsOf(scene, cursor)
  paintPaths(pen, scene.paths, colors, (path, k) => {
    const ride = rides[k]
    let inside = false
    for (let i = 0; i <= Math.min(Math.floor(cursor), path.end); i++) {
      if (ride.z[i] !== null) {
        const spot = project(ride.x[i], ride.y[i], ride.z[i])
        if (inside) pen.lineTo(...spot)
        else pen.moveTo(...spot)
      }
      inside = ride.z[i] !== null
    }
    if (heads.z[k] === null) return null
    const head = project(heads.x[k], heads.y[k], heads.z[k])
    if (inside) pen.lineTo(...head)
    return head
  })
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

/** Every shown path up to the cursor, and a dot at its head. `trace` draws the line and returns the head. */
function paintPaths(pen, paths, colors, trace) {
  const heads = paths.map((path, k) => {
    if (!path.shown) return null
    pen.beginPath()
    const head = trace(path, k)
    Object.assign(pen, { strokeStyle: colors.paper, lineWidth: 4, globalAlpha: 0.5, lineJoin: "round" })
    pen.setLineDash([])
    pen.stroke()
    Object.assign(pen, { strokeStyle: path.color, lineWidth: 2.25, globalAlpha: 1 })
    pen.setLineDash(path.dash === "solid" ? [] : [7, 4])
    pen.stroke()
    return head
  })
  pen.setLineDash([])
  heads.forEach((head, k) => head && dot(pen, ...head, 5.5, paths[k].color, colors.paper))
}

/** From values of an axis to pixels of its plot. */
export function pixelsOf(axis) {
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
