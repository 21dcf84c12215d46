// The player: one time cursor over contours, surface and curves. Playback never asks the server for anything.

const WALK_SECONDS = 8
const CLICK_PIXELS = 4
/** How long the relief may go on turning after the hand has left it. */
const TURN_MS = 800

const CONFIG = { displaylogo: false, displayModeBar: "hover", doubleClick: false, responsive: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage", "hoverClosest3d", "orbitRotation", "tableRotation",
    "resetCameraLastSave3d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines", "zoom3d", "pan3d"] }

class Player {
  constructor(root, Plotly) {
    this.root = root
    this.Plotly = Plotly
    this.cursor = 0
    this.hidden = new Set()
    this.turningUntil = 0
    this.parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map(part => [part.dataset.part, part]))
    this.listen()
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(root)
  }

  listen() {
    const { play, back, forward, scrub, inspect, save, map, relief } = this.parts
    play.onclick = () => this.toggle()
    back.onclick = () => this.seek(Math.ceil(this.cursor) - 1)
    forward.onclick = () => this.seek(Math.floor(this.cursor) + 1)
    scrub.oninput = () => this.seek(Number(scrub.value))
    inspect.onclick = () => this.tell("inspect", Math.round(this.cursor))
    save.onchange = () => this.save(...save.value.split(" "))
    this.root.onkeydown = event => this.pressed(event)
    let down = null
    map.onpointerdown = event => {
      down = event.button || event.target.closest(".modebar, .handle") ? null : [event.clientX, event.clientY]
    }
    relief.onpointerdown = () => this.turn(Infinity)
    relief.onwheel = () => this.turn(TURN_MS)
    // On the window: while a button is down, plotly covers the page with a layer of its own.
    window.addEventListener("pointerup", this.release = event => {
      if (this.turningUntil === Infinity) this.turn(TURN_MS)
      if (down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < CLICK_PIXELS) this.clicked(event)
      down = null
    })
  }

  pressed(event) {
    if (event.target.matches("input, select, button")) return
    const acts = { " ": () => this.toggle(), ArrowLeft: () => this.seek(Math.ceil(this.cursor) - 1),
      ArrowRight: () => this.seek(Math.floor(this.cursor) + 1), Home: () => this.seek(0), End: () => this.seek(this.scene.steps) }
    if (acts[event.key]) {
      event.preventDefault()
      acts[event.key]()
    }
  }

  /** What Python says; called again on every change of data or theme. */
  update(data, tell) {
    this.tell = tell
    this.colors = palette(this.root)
    if (data.revision !== this.revision) {
      const first = !this.scene
      this.revision = data.revision
      const before = this.scene
      this.scene = unpack(data)
      this.rides = ridesOf(this.scene)
      if (first || before.surface.id !== this.scene.surface.id) this.hidden.clear()
      this.parts.scrub.max = this.scene.steps
      this.cursor = first ? 0 : Math.min(this.cursor, this.scene.steps)
      if (!first && !this.playing) this.cursor = this.scene.steps
    }
    for (const path of this.scene.paths) path.shown = !this.hidden.has(path.optimizer)
    const { hint, height, inspect } = this.parts
    hint.textContent = data.still ? "" : "click to set the start"
    height.textContent = this.scene.surface.log ? "height: log₁₀(f − minimum)" : "height: f"
    for (const part of [inspect, this.parts.add.parentElement]) part.hidden = Boolean(data.still)
    this.table()
    return this.draw(data.autoplay)
  }

  async draw(autoplay) {
    const { map, relief, curves } = this.parts
    const first = !this.overlays
    await this.Plotly.react(map, ...mapFigure(this.scene, this.colors), { ...CONFIG, scrollZoom: true })
    await this.Plotly.react(curves, ...curvesFigure(this.scene, this.colors), CONFIG)
    const [solids, space] = reliefFigure(this.scene, this.colors)
    // plotly's own memory of the camera is as old as its last redraw; what a hand has turned since lies in the layout.
    if (!first && this.drawn === this.scene.surface.id) space.scene.camera = relief.layout.scene.camera
    this.drawn = this.scene.surface.id
    await this.Plotly.react(relief, solids, space, CONFIG)
    if (first) {
      this.overlays = [map, curves, relief].map(plot => {
        plot.on("plotly_relayouting", () => this.paint())
        plot.on("plotly_afterplot", () => this.paint())
        return plot.appendChild(Object.assign(document.createElement("canvas"), { className: "overlay" }))
      })
    }
    this.handles()
    this.paint()
    this.turn(TURN_MS)
    this.root.dataset.ready = this.revision
    if (first && autoplay) this.toggle()
  }

  resize() {
    if (!this.overlays) return
    for (const name of ["map", "relief", "curves"]) this.Plotly.Plots.resize(this.parts[name])
    this.paint()
  }

  // Time

  toggle() {
    if (this.playing) return this.pause()
    if (this.cursor >= this.scene.steps) this.cursor = 0
    this.playing = true
    this.parts.play.textContent = "❚❚"
    this.parts.play.setAttribute("aria-label", "Pause")
    let before = performance.now()
    const tick = now => {
      if (!this.playing) return
      const speed = (Number(this.parts.speed.value) * this.scene.steps) / WALK_SECONDS
      this.cursor = Math.min(this.scene.steps, this.cursor + (speed * (now - before)) / 1000)
      before = now
      
      this.paint()
      if (this.cursor >= this.scene.steps) return this.pause()
      requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
  }

  pause() {
    this.playing = false
    this.parts.play.textContent = "▶"
    this.parts.play.setAttribute("aria-label", "Play")
    this.paint()
  }

  seek(step) {
    if (this.playing) this.pause()
    this.cursor = Math.max(0, Math.min(this.scene.steps, step))
    this.paint()
  }

  /** Follow the relief while a hand turns it. */
  turn(milliseconds) {
    const idle = this.turningUntil < performance.now()
    this.turningUntil = performance.now() + milliseconds
    const tick = () => {
      this.paintRelief()
      if (performance.now() < this.turningUntil) requestAnimationFrame(tick)
    }
    if (idle) requestAnimationFrame(tick)
  }

  paintRelief() {
    paintRelief(penOn(this.overlays[2]), this.parts.relief, this.scene, this.rides, this.cursor, this.colors)
  }

  // Drawing over the plots

  paint() {
    if (!this.overlays) return
    const step = Math.round(this.cursor)
    this.parts.scrub.value = step
    this.parts.step.textContent = `step ${step} of ${this.scene.steps}`
    this.scene.paths.forEach((path, i) => {
      this.nowCells[i].textContent = spoken(path.gap[Math.min(step, path.end)] + this.scene.surface.minimum)
    })
    const { map, curves } = this.parts, [onMap, onCurves] = this.overlays
    paintMap(penOn(onMap), map, this.scene, this.cursor, this.colors)
    paintCurves(penOn(onCurves), curves, this.scene, this.cursor, this.colors)
    this.paintRelief()
    this.placeHandles()
  }

  // Starts

  handles() {
    const { map } = this.parts
    for (const old of map.querySelectorAll(".handle")) old.remove()
    this.handleList = this.scene.still ? [] : this.scene.starts.map((start, i) => {
      const handle = Object.assign(document.createElement("button"), { className: "handle", type: "button",
        title: `Start (${short(start[0])}, ${short(start[1])}): drag to move${this.scene.starts.length > 1 ? ", double-click to remove" : ""}` })
      handle.dataset.testid = "start"
      handle.setAttribute("aria-label", handle.title)
      handle.onpointerdown = event => this.drag(event, handle, i)
      handle.ondblclick = () => this.scene.starts.length > 1 && this.tellStarts(this.scene.starts.filter((_, k) => k !== i))
      return map.appendChild(handle)
    })
  }

  placeHandles() {
    const { xaxis, yaxis } = this.parts.map._fullLayout
    this.handleList?.forEach((handle, i) => {
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

  clicked(event) {
    const point = this.scene.still ? null : this.pointOf(event)
    if (!point) return
    const { starts } = this.scene
    const away = start => Math.hypot(start[0] - point[0], start[1] - point[1])
    const nearest = starts.reduce((best, start, i) => (away(start) < away(starts[best]) ? i : best), 0)
    this.tellStarts(this.parts.add.checked ? [...starts, point] : starts.map((start, i) => (i === nearest ? point : start)))
  }

  drag(event, handle, i) {
    event.preventDefault()
    event.stopPropagation()
    handle.setPointerCapture(event.pointerId)
    const from = [event.clientX, event.clientY]
    let moved = false
    handle.onpointermove = move => {
      moved ||= Math.hypot(move.clientX - from[0], move.clientY - from[1]) >= CLICK_PIXELS
      const point = moved && this.pointOf(move)
      if (!point) return
      this.scene.starts = this.scene.starts.map((start, k) => (k === i ? point : start))
      this.placeHandles()
    }
    handle.onpointerup = () => {
      handle.onpointermove = null
      if (moved) this.tellStarts(this.scene.starts)
    }
  }

  tellStarts(starts) {
    this.tell("starts", starts)
  }

  // The table, which is the legend too

  table() {
    const body = this.parts.rows
    body.replaceChildren(...this.scene.paths.map(path => rowOf(path, () => this.hide(path.optimizer))))
    this.nowCells = [...body.querySelectorAll("td.now")]
  }

  hide(optimizer) {
    if (!this.hidden.delete(optimizer)) this.hidden.add(optimizer)
    for (const path of this.scene.paths) path.shown = !this.hidden.has(path.optimizer)
    this.table()
    this.draw()
  }

  save(name, format) {
    if (!name) return
    this.parts.save.value = ""
    const { clientWidth: width, clientHeight: height } = this.parts[name]
    const figures = { map: () => mapFigure(this.scene, this.colors, true, Math.round(this.cursor)),
      relief: () => reliefFigure(this.scene, this.colors, headsOf(this.scene, this.cursor)), curves: () => curvesFigure(this.scene, this.colors) }
    const [data, layout] = figures[name]()
    if (name === "relief") layout.scene.camera = this.parts.relief.layout.scene.camera
    if (name === "map") {
      layout.xaxis.range = this.parts.map._fullLayout.xaxis.range
      layout.yaxis.range = this.parts.map._fullLayout.yaxis.range
    }
    const figure = { data, layout: { ...layout, paper_bgcolor: this.colors.paper, width, height } }
    this.Plotly.downloadImage(figure, { format, width, height, scale: 2, filename: `${this.scene.surface.id}-${name}` })
  }

  close() {
    this.playing = false
    this.observer.disconnect()
    window.removeEventListener("pointerup", this.release)
    for (const name of ["map", "relief", "curves"]) this.Plotly.purge(this.parts[name])
  }
}

const players = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".surface-player")
  const work = plotly().then(Plotly => {
    if (!root.isConnected && !data.still) return
    if (!players.has(root)) players.set(root, new Player(root, Plotly))
    return players.get(root).update(data, setTriggerValue)
  })
  work.catch(error => console.error(error))
  return () => {
    players.get(root)?.close()
    players.delete(root)
  }
}
