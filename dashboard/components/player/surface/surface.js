// Walks of optimizers on a two-parameter function; a start is set by a click or by dragging its handle.

import { curvesFigure, paintCurves } from "./curves.js"
import { placeInWords, unpack } from "./scene.js"
import { Player } from "../base.js"
import { mapFigure } from "../figures.js"
import { nameCell } from "../legend.js"
import { component } from "../mounting.js"
import { element } from "../../shared/dom.js"
import { NOTHING, scientific, short } from "../../shared/format.js"
import { movesLittle } from "../../shared/theme.js"

/** A pointer that has moved less has clicked. */
const CLICK_PIXELS = 4

class SurfacePlayer extends Player {
  listen() {
    super.listen()
    const { inspect, map } = this.parts
    inspect.onclick = () => this.tell("inspect", Math.round(this.cursor))
    map.onpointerdown = event => {
      this.down = event.button || event.target.closest(".handle") ? null : [event.clientX, event.clientY]
    }
  }

  release(event) {
    super.release(event)
    const clicked = this.down && event.type === "pointerup"
    if (clicked && Math.hypot(event.clientX - this.down[0], event.clientY - this.down[1]) < CLICK_PIXELS) this.click(event)
    this.down = null
  }

  take(data) {
    const before = this.scene, scene = unpack(data)
    // New walks are shown whole, unless they play.
    this.show(scene, !before ? 0 : this.playing ? Math.min(this.cursor, scene.steps) : scene.steps)
    this.autoplay = !before && data.autoplay
    const { hint, height, add } = this.parts
    const lines = scene.surface.log ? "of f − minimum" : "of f"
    hint.textContent = data.still ? lines : `${lines}; click to set the start`
    height.textContent = scene.surface.log ? "f − minimum, logarithmic" : "f"
    add.parentElement.hidden = Boolean(data.still)
  }

  /** Another surface is seen from its first side; other walks on this one keep the camera. */
  get cameraKey() {
    return this.scene.id
  }

  get title() {
    return this.scene.surface.label
  }

  get settings() {
    const rates = this.scene.paths.filter(path => path.shown).map(path => `${path.label}: rate ${path.rate}`)
    return [placeInWords(this.scene), `step ${Math.round(this.cursor)} of ${this.scene.steps}`, ...rates].join(" · ")
  }

  spoken() {
    const cells = [...this.parts.rows.querySelectorAll("td.now")]
    return [this.parts.step.textContent, ...this.scene.paths.map((path, i) => `${path.label} ${cells[i].textContent}`)].join("; ")
  }

  mapFigure(strong, step) {
    return mapFigure(this.scene, this.colors, strong, step)
  }

  curvesFigure() {
    return curvesFigure(this.scene, this.colors)
  }

  onDrawn() {
    this.addHandles()
  }

  /** The first playback waits for the relief, whose drawing it would stand still for. */
  onWhole() {
    if (this.autoplay && !movesLittle()) this.toggle()
    this.autoplay = false
  }

  toggle() {
    this.autoplay = false
    super.toggle()
  }

  seek(cursor) {
    this.autoplay = false
    super.seek(cursor)
  }

  paintPlots() {
    super.paintPlots()
    this.placeHandles()
  }

  paintOnCurves(pen, curves) {
    paintCurves(pen, curves, this.scene, this.cursor, this.colors)
  }

  tableRow(path) {
    const cell = (text, className = "") => element("td", { textContent: text, className })
    const fate = path.diverged >= 0 ? "bad" : path.reached >= 0 ? "good" : ""
    return element("tr", {}, nameCell(path), cell(path.rate), cell("", "now"), cell(scientific(path.final)),
      cell(scientific(path.best)), cell(path.reached >= 0 ? path.reached : NOTHING), cell(path.fate, fate))
  }

  readOut() {
    const step = Math.round(this.cursor)
    this.parts.step.textContent = `step ${step} of ${this.scene.steps}`
    const cells = this.parts.rows.querySelectorAll("td.now")
    this.scene.paths.forEach((path, i) => {
      // Rounded to seven digits, a walk would lie below the lowest point that it comes to.
      const value = path.gap[Math.min(step, path.end)] + this.scene.surface.minimum
      cells[i].textContent = scientific(path.best === null ? value : Math.max(value, path.best))
    })
  }

  // Starts

  addHandles() {
    const { map } = this.parts
    for (const old of map.querySelectorAll(".handle")) old.remove()
    this.handles = this.scene.still ? [] : this.scene.starts.map((start, i) => {
      const handle = Object.assign(document.createElement("button"), { className: "handle", type: "button",
        title: `Start (${short(start[0])}, ${short(start[1])}): drag to move${this.scene.starts.length > 1 ? ", double-click to remove" : ""}` })
      handle.dataset.testid = "start"
      handle.setAttribute("aria-label", handle.title)
      handle.onpointerdown = event => this.drag(event, handle, i)
      handle.ondblclick = () => this.scene.starts.length > 1 && this.tell("starts", this.scene.starts.filter((_, k) => k !== i))
      return map.appendChild(handle)
    })
  }

  placeHandles() {
    const { xaxis, yaxis } = this.parts.map._fullLayout
    this.handles?.forEach((handle, i) => {
      const [x, y] = this.scene.starts[i]
      const [left, top] = [xaxis.d2p(x), yaxis.d2p(y)]
      handle.hidden = left < 0 || top < 0 || left > xaxis._length || top > yaxis._length
      handle.style.left = `${xaxis._offset + left}px`
      handle.style.top = `${yaxis._offset + top}px`
    })
  }

  pointOf(event) {
    const { xaxis, yaxis } = this.parts.map._fullLayout
    const box = this.parts.map.getBoundingClientRect()
    const left = event.clientX - box.left - xaxis._offset, top = event.clientY - box.top - yaxis._offset
    if (left < 0 || top < 0 || left > xaxis._length || top > yaxis._length) return null
    return [xaxis.p2d(left), yaxis.p2d(top)].map(value => Number(value.toPrecision(4)))
  }

  click(event) {
    const point = this.scene.still ? null : this.pointOf(event)
    if (!point) return
    const { starts } = this.scene
    const away = start => Math.hypot(start[0] - point[0], start[1] - point[1])
    const nearest = starts.reduce((best, start, i) => (away(start) < away(starts[best]) ? i : best), 0)
    this.tell("starts", this.parts.add.checked ? [...starts, point] : starts.map((start, i) => (i === nearest ? point : start)))
  }

  drag(event, handle, i) {
    event.preventDefault()
    event.stopPropagation()
    handle.setPointerCapture(event.pointerId)
    const from = [event.clientX, event.clientY], { starts } = this.scene
    let moved = false
    handle.onpointermove = move => {
      moved ||= Math.hypot(move.clientX - from[0], move.clientY - from[1]) >= CLICK_PIXELS
      const point = moved && this.pointOf(move)
      if (!point) return
      this.scene.starts = this.scene.starts.map((start, k) => (k === i ? point : start))
      this.placeHandles()
    }
    handle.onpointerup = handle.onpointercancel = ({ type }) => {
      handle.onpointermove = null
      if (type === "pointercancel") {
        this.scene.starts = starts
        this.placeHandles()
      } else if (moved) this.tell("starts", this.scene.starts)
    }
  }
}

export default component(".surface-player", SurfacePlayer)
