// The paths up to a cursor, on a canvas that keeps them: a frame of a playback adds the new steps alone. Painting fifteen
// walks of 5,000 steps anew would take longer than a frame.

import { dashArray } from "../shared/dom.js"

/** A path's next point is left out while it is nearer to the last one, in pixels. */
const NEAR = 0.6

/** Size a canvas to its element; return a pen in the page's own pixels. A canvas that is sized anew is empty. */
function penOf(canvas) {
  const { clientWidth, clientHeight } = canvas, ratio = window.devicePixelRatio || 1
  const [width, height] = [clientWidth, clientHeight].map(pixels => Math.round(pixels * ratio))
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
  const pen = canvas.getContext("2d")
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  return pen
}

/** A cleared pen on a canvas. */
export function penOn(canvas) {
  const pen = penOf(canvas)
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
  return pen
}

/** Stroke the line that the pen has, in a path's colour and dash, with a rim that sets it off from the surface. */
export function strokePath(pen, path, colors, dashOffset = 0) {
  Object.assign(pen, { strokeStyle: colors.paper, lineWidth: 4, globalAlpha: 0.5, lineJoin: "round" })
  pen.setLineDash([])
  pen.stroke()
  Object.assign(pen, { strokeStyle: path.color, lineWidth: 2.25, globalAlpha: 1, lineDashOffset: dashOffset })
  pen.setLineDash(dashArray(path.dash).split(" ").filter(Boolean).map(Number))
  pen.stroke()
  pen.setLineDash([])
}

export class Trail {
  constructor(canvas) {
    this.canvas = canvas
    this.reset()
  }

  /** Paint all of it anew the next time. */
  reset() {
    this.view = null
  }

  /** Paint the paths up to a whole step. `view` is a text that changes with whatever moves points on the canvas. `trace(path,
   * k, from, to, visit)` calls `visit` with the pixels of each point after step `from` up to `to`, NaN where there is none. */
  paint(view, paths, step, colors, trace, clip = () => {}) {
    const { clientWidth, clientHeight } = this.canvas
    const seen = `${view} ${clientWidth} ${clientHeight} ${window.devicePixelRatio}`
    const anew = seen !== this.view || step < this.step
    if (!anew && step === this.step) return
    if (anew) Object.assign(this, { view: seen, step: -1, tips: paths.map(() => null), lengths: paths.map(() => 0) })
    const pen = anew ? penOn(this.canvas) : penOf(this.canvas)
    pen.save()
    clip(pen)
    paths.forEach((path, k) => {
      const from = Math.min(this.step, path.end), to = Math.min(step, path.end)
      if (path.shown && to > from) this.extend(pen, path, k, colors, visit => trace(path, k, from, to, visit))
    })
    pen.restore()
    this.step = step
  }

  extend(pen, path, k, colors, visitAll) {
    let tip = this.tips[k], length = this.lengths[k]
    const offset = length
    pen.beginPath()
    if (tip) pen.moveTo(...tip)
    visitAll((x, y) => {
      if (!Number.isFinite(x)) tip = null
      else if (!tip) pen.moveTo(...(tip = [x, y]))
      else {
        const moved = Math.hypot(x - tip[0], y - tip[1])
        if (moved < NEAR) return
        length += moved
        tip = [x, y]
        pen.lineTo(x, y)
      }
    })
    Object.assign(this.tips, { [k]: tip })
    this.lengths[k] = length
    if (length > offset) strokePath(pen, path, colors, offset)
  }
}
