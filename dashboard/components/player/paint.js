// What moves is painted on canvases over plotly's figures, which stand still: that is what makes 60 frames a second.

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

export function paintMap(pen, plot, scene, cursor, colors) {
  const { xaxis, yaxis } = plot._fullLayout
  const px = pixelsOf(xaxis), py = pixelsOf(yaxis)
  pen.save()
  pen.beginPath()
  pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length)
  pen.clip()
  paintPaths(pen, scene.paths, colors, path => {
    for (let i = 0; i <= Math.min(Math.floor(cursor), path.end); i++) pen.lineTo(px(path.x[i]), py(path.y[i]))
    const { x, y } = at(path, cursor)
    pen.lineTo(px(x), py(y))
    return [px(x), py(y)]
  })
  pen.restore()
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

export function paintCurves(pen, plot, scene, cursor, colors) {
  const layout = plot._fullLayout, { xaxis } = layout
  const left = xaxis.d2p(cursor), x = xaxis._offset + left
  if (left < -1 || left > xaxis._length + 1) return
  curvesShown(scene).forEach(([quantity], i) => {
    const axis = layout[i ? `yaxis${i + 1}` : "yaxis"]
    Object.assign(pen, { globalAlpha: 0.5, fillStyle: colors.text })
    pen.fillRect(x - 0.5, axis._offset, 1, axis._length)
    pen.globalAlpha = 1
    for (const path of scene.paths.filter(p => p.shown)) {
      const end = quantity === "reach" ? path.end - 1 : path.end
      const value = path[quantity][Math.min(Math.round(cursor), end)], y = axis.d2p(value)
      if (value > 0 && y >= 0 && y <= axis._length) dot(pen, x, axis._offset + y, 3.5, path.color, colors.paper)
    }
  })
}

/** The way so far of every walk that is shown, and where it stands. `trace` draws the line and returns the place. */
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

function pixelsOf(axis) {
  const zero = axis._offset + axis.l2p(0), slope = axis.l2p(1) - axis.l2p(0)
  return value => zero + slope * value
}

function dot(pen, x, y, radius, color, edge) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 2 * Math.PI)
  Object.assign(pen, { fillStyle: color, strokeStyle: edge, lineWidth: 1.5 })
  pen.fill()
  pen.stroke()
}
