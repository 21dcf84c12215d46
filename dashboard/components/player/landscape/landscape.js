// Runs' paths on the network's loss surface, over one moment of training.

import { cursorAt, epochText, heighten, momentAt, unpack, VIEWS } from "./scene.js"
import { curvesFigure, offPlane, paintCurves, paintLive, paintLiveRelief, paintRail, planeFigure, toned } from "./views.js"
import { Player } from "../base.js"
import { nameCell } from "../legend.js"
import { component } from "../mounting.js"
import { element } from "../../shared/dom.js"
import { NOTHING, percent, significant } from "../../shared/format.js"

/** Columns of the table after the name. */
const COLUMNS = 5

class LandscapePlayer extends Player {
  doubleClick = "reset"
  /** Runs start at the lower left: from here one looks across the valley up the slope that they came down. */
  camera = { eye: { x: 1.36, y: -1.59, z: 1.5 }, center: { x: -0.06, y: 0, z: -0.1 } }
  cameraKey = "landscape"
  title = "Loss landscape"

  /** Epochs: the points are close together at first, so that a slider of points would crawl through the beginning. */
  get span() {
    return this.scene.moments.at(-1) - this.scene.moments[0]
  }

  timeOf(cursor) {
    return momentAt(this.scene, cursor) - this.scene.moments[0]
  }

  cursorAt(time) {
    return cursorAt(this.scene, time + this.scene.moments[0])
  }

  listen() {
    super.listen()
    const { inspect, view } = this.parts
    inspect.onclick = () => this.tell("inspect", momentAt(this.scene, Math.round(this.cursor)))
    view.onchange = () => {
      this.heighten()
      this.draw()
    }
  }

  update(data, tell) {
    const { work, stage, bar } = this.parts
    work.classList.toggle("still", !data.stage)
    stage.textContent = data.stage
    bar.style.width = `${100 * data.share}%`
    // With nothing to show but the progress, that stands in the middle.
    this.root.classList.toggle("waiting", !data.paths)
    if (!data.paths) return
    if (this.scene) this.scene.live = data.live ?? null
    return super.update(data, tell)
  }

  take(data) {
    const before = this.scene, scene = unpack(data)
    // The whole way is what one first sees; a finer grid of the same scene moves nothing.
    this.show(scene, before?.id === scene.id ? Math.min(this.cursor, scene.steps) : scene.steps)
    this.heighten()
  }

  heighten() {
    const { view, height } = this.parts
    heighten(this.scene, view.value)
    height.textContent = VIEWS[view.value].caption
  }

  get tones() {
    return toned(this.colors, this.parts.view.value)
  }

  get settings() {
    return `${this.parts.moment.textContent} · ${VIEWS[this.parts.view.value].caption}`
  }

  spoken() {
    const { paths } = this.scene, { rows } = this.parts.rows
    return [this.parts.moment.textContent, ...paths.map((path, k) => `${path.label} loss ${rows[k].cells[3].textContent}`)].join("; ")
  }

  mapFigure(strong, step) {
    return planeFigure(this.scene, this.tones, strong, step)
  }

  curvesFigure() {
    return curvesFigure(this.scene, this.tones)
  }

  onDrawn(scene) {
    this.root.dataset.points = scene.n
  }

  paintOnMap(pen) {
    paintRail(pen, this.parts.map, this.scene, this.cursor, this.colors)
    paintLive(pen, this.parts.map, this.scene, this.colors)
  }

  paintOnRelief(pen) {
    paintLiveRelief(pen, this.parts.relief, this.scene, this.colors)
  }

  paintOnCurves(pen, curves) {
    paintCurves(pen, curves, this.scene, this.cursor, this.colors)
  }

  tableRow(path) {
    return element("tr", {}, nameCell(path), ...Array.from({ length: COLUMNS }, () => element("td")))
  }

  readOut() {
    const { scene, parts } = this
    parts.moment.textContent = `epoch ${epochText(scene, momentAt(scene, this.cursor))} of ${Number(epochText(scene, scene.moments.at(-1)))}`
    parts.scrub.setAttribute("aria-valuetext", parts.moment.textContent)
    scene.paths.forEach((path, k) => {
      const i = Math.min(Math.round(this.cursor), path.end), { cells } = parts.rows.rows[k]
      const texts = [path.model ? NOTHING : epochText(scene, scene.moments[i]), percent(path.accuracy[i]), significant(path.truth[i]),
        significant(path.onPlane[i]), offPlane(path.distance[i])]
      texts.forEach((text, column) => {
        cells[column + 1].textContent = text
      })
    })
  }
}

export default component(".landscape", LandscapePlayer)
