// The base of every player: one time cursor over contours, surface and curves. Playback sends the server no requests.

import { palette } from "./figures.js"
import { chip } from "./legend.js"
import { paintMap, paintRelief } from "./paint.js"
import { headsOf, inThreeDimensions, liveCamera, reliefFigure, ridesOf, sayWhatLacks } from "./relief.js"
import { advance, Frames, stepBack, stepForward, within } from "./time.js"
import { penOn, Trail } from "./trail.js"
import { withModifier } from "../shared/dom.js"
import { Drawing, frameShown } from "../shared/drawing.js"
import { SETTINGS } from "../shared/plotly.js"
import { ChartTools } from "../shared/tools.js"

/** Time that the relief may go on turning after the hand has left it. */
const TURN_MS = 800

/** How a hand lets go; a touch that the browser takes for its own is cancelled. */
const RELEASES = ["pointerup", "pointercancel"]

/** plotly's tools would lie over plot and labels; the player has its own for what they do. */
const PLAYER_SETTINGS = { ...SETTINGS, displayModeBar: false }

/** The plots of a player that can be saved, by the name of their part. */
const PICTURES = { map: "contours", relief: "surface", curves: "curves" }

/** A subclass unpacks Python's data into a scene (`take`, which ends in `show`), draws (`mapFigure`, `curvesFigure`), paints
 * what is its own (`paintOnMap`, `paintOnRelief`, `paintOnCurves`) and writes the figures at the cursor (`tableRow`, `readOut`), also as
 * they are `spoken` to who moves it by keys. `title` and `settings` stand above a saved picture. */
export class Player {
  /** plotly's answer to a double click on a plot. */
  doubleClick = false
  /** The first view of the relief; null for the figure's own. */
  camera = null
  hidden = new Set()
  cursor = 0
  turningUntil = 0
  playback = new Frames()
  turning = new Frames()
  /** How often the plots were put back to their first view. */
  returns = 0

  constructor(root, Plotly) {
    this.root = root
    this.Plotly = Plotly
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map(part => [part.dataset.part, part]))
    this.drawing = new Drawing(() => this.drawFlat())
    this.solid = new Drawing(() => this.drawRelief())
    /** The canvases over each plot that was drawn: a trail under an overlay. */
    this.covers = {}
    this.tools = Object.fromEntries(Object.entries(PICTURES).map(([name, title]) => [name, this.toolsOf(name, title)]))
    this.listen()
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(root)
  }

  get playing() {
    return this.playback.running
  }

  /** Length of the slider, and the time on it at a cursor and back: steps, unless a subclass has another clock. */
  get span() {
    return this.scene.steps
  }

  timeOf(cursor) {
    return cursor
  }

  cursorAt(time) {
    return time
  }

  get plots() {
    const { map, curves, relief } = this.parts
    return [map, curves, relief]
  }

  /** Each path on the relief. */
  get rides() {
    const { scene } = this
    if (this.ridden?.surface !== scene.surface) this.ridden = { surface: scene.surface, rides: ridesOf(scene) }
    return this.ridden.rides
  }

  /** The colours of the view that is shown. */
  get tones() {
    return this.colors
  }

  listen() {
    const { play, back, forward, scrub, whole, relief } = this.parts
    play.onclick = () => this.toggle()
    back.onclick = () => this.seek(stepBack(this.cursor))
    forward.onclick = () => this.seek(stepForward(this.cursor))
    scrub.oninput = () => this.scene && this.seek(this.cursorAt(Number(scrub.value)))
    this.root.onkeydown = event => this.onKey(event)
    relief.onpointerdown = () => this.turn(Infinity)
    whole.onclick = () => this.showWhole()
    for (const plot of this.plots) plot.addEventListener("wheel", event => this.wheel(event, plot), { capture: true, passive: false })
    // On the window: while a button is down, plotly covers the page with a layer of its own.
    this.onRelease = event => this.release(event)
    for (const kind of RELEASES) window.addEventListener(kind, this.onRelease)
  }

  /** The wheel scrolls the page, as everywhere. With Ctrl it zooms the plot, and not the page. */
  wheel(event, plot) {
    if (!event.ctrlKey && !event.metaKey) return event.stopPropagation()
    event.preventDefault()
    if (plot === this.parts.relief) this.turn(TURN_MS)
  }

  showWhole() {
    this.returns += 1
    this.cameraOf = null
    this.draw()
  }

  release() {
    if (this.turningUntil === Infinity) this.turn(TURN_MS)
  }

  onKey(event) {
    // On a phone the arrows scroll the table.
    if (withModifier(event) || event.target.matches("input, select, button, .results")) return
    const actions = { " ": () => this.toggle(), ArrowLeft: () => this.seek(stepBack(this.cursor)),
      ArrowRight: () => this.seek(stepForward(this.cursor)), Home: () => this.seek(0), End: () => this.seek(this.scene?.steps) }
    if (actions[event.key]) {
      event.preventDefault()
      actions[event.key]()
      this.parts.said.textContent = this.spoken()
    }
  }

  /** Take Python's data; called again on every change of data or theme. */
  update(data, tell) {
    this.tell = tell
    this.colors = palette(this.root)
    this.parts.inspect.hidden = Boolean(data.still)
    const theme = JSON.stringify(this.colors)
    if (data.revision !== this.revision) this.take(data)
    else if (theme === this.theme) return this.paint()
    this.revision = data.revision
    this.theme = theme
    return this.draw()
  }

  /** Show a scene from `cursor` on; the paths that are hidden stay so, unless it is another scene than the last one. */
  show(scene, cursor) {
    if (this.scene?.id !== scene.id) this.hidden.clear()
    this.scene = scene
    this.parts.scrub.max = this.span
    this.cursor = cursor
    this.table()
  }

  // Drawing

  draw() {
    return this.drawing.request()
  }

  /** Draw contours and curves: from then on the player can be used. The relief, which takes longest, comes a frame later. */
  async drawFlat() {
    const { map, curves } = this.parts, { scene, drawing } = this
    await this.react(map, this.mapFigure(), { scrollZoom: true })
    if (drawing.closed) return
    await this.react(curves, this.curvesFigure())
    if (drawing.closed) return
    this.drawn("map")
    this.drawn("curves")
    if (drawing.again) return
    this.onDrawn(scene)
    this.paint(true)
    this.root.dataset.ready = this.revision
    this.solid.request().catch(error => console.error(error))
  }

  async drawRelief() {
    await frameShown()
    // The end of a drawing that has begun meanwhile requests the relief again.
    if (this.solid.closed || this.drawing.busy) return
    if (!inThreeDimensions()) sayWhatLacks(this.parts.relief, this.tools.relief)
    else if (!(await this.drawSurface())) return
    this.root.dataset.relief = this.revision
    this.onWhole()
  }

  /** Return true once the surface stands as it is to be. */
  async drawSurface() {
    const { relief } = this.parts, [data, space] = reliefFigure(this.scene, this.tones, this.rides)
    if (this.covers.relief && this.cameraOf === this.cameraKey) space.scene.camera = liveCamera(relief)
    else if (this.camera) space.scene.camera = this.camera
    this.cameraOf = this.cameraKey
    await this.react(relief, [data, space])
    if (this.solid.closed) return false
    this.drawn("relief")
    if (this.solid.again || this.drawing.busy) return false
    this.paintSurface(true)
    this.turn(TURN_MS)
    return true
  }

  react(plot, [data, layout], more = {}) {
    const settings = { ...PLAYER_SETTINGS, doubleClick: this.doubleClick, ...more }
    return this.Plotly.react(plot, data, { ...layout, uirevision: `${layout.uirevision} ${this.returns}` }, settings)
  }

  /** Called behind each drawing of a plot. */
  drawn(name) {
    this.covers[name] ??= this.cover(this.parts[name])
    this.covers[name].trail.reset()
    this.tools[name].drawn(this.Plotly)
  }

  /** Lay a canvas over a plot for what moves, and under it one for the paths so far. */
  cover(plot) {
    const canvas = className => plot.appendChild(Object.assign(document.createElement("canvas"), { className }))
    plot.on("plotly_relayouting", () => this.paint())
    plot.on("plotly_afterplot", () => this.paint())
    return { trail: new Trail(canvas("trail")), overlay: canvas("overlay") }
  }

  /** Called when a scene stands on contours and curves; and when it stands on the relief too. */
  onDrawn() {}

  onWhole() {}

  resize() {
    // Without a width the page has hidden the player: plotly would make the plots of size zero.
    if (!this.root.clientWidth) return
    for (const name of Object.keys(this.covers)) this.Plotly.Plots.resize(this.parts[name])
    this.paint()
  }

  // Time

  toggle() {
    if (this.playing) return this.pause()
    if (!this.scene) return
    if (this.cursor >= this.scene.steps) this.cursor = 0
    this.playback.start(passed => {
      this.cursor = this.cursorAt(advance(this.timeOf(this.cursor), this.span, passed, Number(this.parts.speed?.value ?? 1)))
      this.paint()
      if (this.cursor >= this.scene.steps) this.pause()
    })
    this.showPlaying()
  }

  pause() {
    this.playback.stop()
    this.showPlaying()
    this.paint()
  }

  showPlaying() {
    this.parts.play.textContent = this.playing ? "❚❚" : "▶"
    this.parts.play.setAttribute("aria-label", this.playing ? "Pause" : "Play")
  }

  seek(cursor) {
    if (!this.scene) return
    if (this.playing) this.pause()
    this.cursor = within(cursor, this.scene.steps)
    this.paint()
  }

  /** Follow the relief while a hand turns it. */
  turn(milliseconds) {
    if (!this.covers.relief) return
    this.turningUntil = performance.now() + milliseconds
    if (this.turning.running) return
    this.turning.start(() => {
      this.paintSurface()
      if (performance.now() >= this.turningUntil) this.turning.stop()
    })
  }

  // Painting over the plots

  /** The plots may show another scene than this one while they are drawn; the end of the drawing paints. */
  paint(ready = !this.drawing.busy) {
    if (!this.covers.curves || this.drawing.closed) return
    this.parts.scrub.value = this.timeOf(this.cursor)
    this.readOut()
    if (ready) this.paintPlots()
  }

  paintPlots() {
    const { map, curves } = this.parts, { covers } = this
    this.paintOnMap(paintMap(covers.map.trail, covers.map.overlay, map, this.scene, this.cursor, this.colors))
    this.paintOnCurves(penOn(covers.curves.overlay), curves)
    this.paintSurface()
  }

  paintSurface(ready = !this.drawing.busy && !this.solid.busy) {
    const { relief } = this.covers
    if (!ready || !relief) return
    this.paintOnRelief(paintRelief(relief.trail, relief.overlay, this.parts.relief, this.scene, this.rides, this.cursor, this.colors))
  }

  paintOnMap() {}

  paintOnRelief() {}

  // The legend and the table

  table() {
    const { paths } = this.scene, { rows, chips } = this.parts
    for (const path of paths) path.shown = !this.hidden.has(path.key)
    const names = paths.filter((path, i) => paths.findIndex(other => other.key === path.key) === i)
    chips.replaceChildren(...names.map(path => chip(path, () => this.hide(path.key))))
    rows.replaceChildren(...paths.map(path => Object.assign(this.tableRow(path), { className: path.shown ? "" : "hidden" })))
  }

  hide(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key)
    this.table()
    this.draw()
  }

  // Saving

  /** The tools of one plot, in the corner of its stage. The player has keys of its own: they move the time of all plots. */
  toolsOf(name, title) {
    const plot = this.parts[name]
    const about = () => ({ title: `${this.title}, ${title}`, settings: this.settings })
    const tools = new ChartTools(plot, { about, figure: () => this.figureOf(name, plot), walks: false })
    plot.parentElement.append(...tools.parts)
    return tools
  }

  /** A plot as it stands, with what is painted over it on the page. */
  figureOf(name, plot) {
    const figures = { map: () => this.mapFigure(true, Math.round(this.cursor)), curves: () => this.curvesFigure(),
      relief: () => reliefFigure(this.scene, this.tones, this.rides, headsOf(this.scene, this.cursor)) }
    const [data, layout] = figures[name]()
    if (name === "relief") layout.scene.camera = liveCamera(plot)
    if (name === "map") for (const axis of ["xaxis", "yaxis"]) layout[axis].range = plot._fullLayout[axis].range
    return { data, layout }
  }

  close() {
    for (const frames of [this.playback, this.turning]) frames.stop()
    this.observer.disconnect()
    for (const kind of RELEASES) window.removeEventListener(kind, this.onRelease)
    const free = (...names) => names.forEach(name => this.Plotly.purge(this.parts[name]))
    this.drawing.close(() => free("map", "curves"))
    this.solid.close(() => free("relief"))
  }
}
