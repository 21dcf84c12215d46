// The player: one moment of training over contours, surface and curves. Playing never asks the server for anything.

const PLAY_SECONDS = 8
/** How long the relief may go on turning after the hand has left it. */
const SPIN_MS = 800
const SETTINGS = { displaylogo: false, displayModeBar: "hover", doubleClick: "reset", responsive: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage", "hoverClosest3d", "orbitRotation", "tableRotation",
    "resetCameraLastSave3d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines", "zoom3d", "pan3d"] }

/** Runs start at the lower left, so that from here one looks across the valley up the slope that they came down. */
const CAMERA = { eye: { x: 1.2, y: -1.4, z: 1.35 }, center: { x: -0.06, y: 0, z: -0.1 } }

class Landscape {
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
    const { play, back, forward, scrub, view, inspect, save, relief } = this.parts
    play.onclick = () => this.toggle()
    back.onclick = () => this.seek(Math.ceil(this.cursor) - 1)
    forward.onclick = () => this.seek(Math.floor(this.cursor) + 1)
    scrub.oninput = () => this.seek(Number(scrub.value))
    view.onchange = () => {
      heighten(this.scene, view.value)
      this.draw()
    }
    inspect.onclick = () => this.tell("inspect", momentAt(this.scene, Math.round(this.cursor)))
    save.onchange = () => this.save(...save.value.split(" "))
    this.root.onkeydown = event => this.pressed(event)
    relief.onpointerdown = () => this.turn(Infinity)
    relief.onwheel = () => this.turn(SPIN_MS)
    // On the window: while a button is down, plotly covers the page with a layer of its own.
    window.addEventListener("pointerup", this.release = () => this.turningUntil === Infinity && this.turn(SPIN_MS))
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
    const { work, stage, bar, inspect, view } = this.parts
    work.classList.toggle("still", !data.stage)
    stage.textContent = data.stage
    bar.style.width = `${100 * data.share}%`
    inspect.hidden = Boolean(data.still)
    // With nothing to show but how far it is, that stands in the middle.
    this.root.classList.toggle("waiting", !data.paths)
    if (!data.paths) return
    const theme = JSON.stringify(this.colors)
    if (data.revision !== this.revision) {
      const before = this.scene
      this.revision = data.revision
      this.scene = sceneIn(data)
      heighten(this.scene, view.value)
      if (before?.id !== this.scene.id) this.hidden.clear()
      this.parts.scrub.max = this.scene.steps
      // Its whole way is what one first sees; a finer grid moves nothing.
      this.cursor = before?.id === this.scene.id ? Math.min(this.cursor, this.scene.steps) : this.scene.steps
      for (const path of this.scene.paths) path.shown = !this.hidden.has(path.item)
      this.table()
    } else if (theme === this.theme) {
      this.scene.live = data.live ?? null
      return this.paint()
    }
    this.theme = theme
    return this.draw()
  }

  /** One drawing at a time: plotly finishes some of its work later. */
  async draw() {
    if (this.drawing) {
      this.again = true
      return
    }
    this.drawing = true
    const { map, relief, curves, view, height } = this.parts
    const { scene } = this, first = !this.overlays
    const colors = toned(this.colors, view.value)
    height.textContent = VIEWS[view.value].height
    this.rides = ridesOf(scene)
    await this.Plotly.react(map, ...planeFigure(scene, colors), { ...SETTINGS, scrollZoom: true })
    await this.Plotly.react(curves, ...linesFigure(scene, colors), SETTINGS)
    const [solids, space] = reliefFigure(scene, colors)
    space.uirevision = scene.id
    // plotly's own memory of the camera is as old as its last redraw; what a hand has turned since lies in the layout.
    space.scene.camera = first ? CAMERA : relief.layout.scene.camera
    await this.Plotly.react(relief, solids, space, SETTINGS)
    if (first) {
      this.overlays = [map, curves, relief].map(plot => {
        plot.on("plotly_relayouting", () => this.paint())
        plot.on("plotly_afterplot", () => this.paint())
        return plot.appendChild(Object.assign(document.createElement("canvas"), { className: "overlay" }))
      })
    }
    this.drawing = false
    if (this.again && !this.closed) {
      this.again = false
      return this.draw()
    }
    this.paint()
    this.turn(SPIN_MS)
    this.root.dataset.ready = this.revision
    this.root.dataset.points = scene.n
  }

  resize() {
    if (!this.overlays || !this.root.clientWidth) return
    for (const name of ["map", "relief", "curves"]) this.Plotly.Plots.resize(this.parts[name])
    this.paint()
  }

  // Time

  toggle() {
    if (this.playing) return this.pause()
    if (!this.scene) return
    if (this.cursor >= this.scene.steps) this.cursor = 0
    this.playing = true
    this.parts.play.textContent = "❚❚"
    this.parts.play.setAttribute("aria-label", "Pause")
    let before = performance.now()
    const tick = now => {
      if (!this.playing) return
      this.cursor = Math.min(this.scene.steps, this.cursor + (this.scene.steps * (now - before)) / 1000 / PLAY_SECONDS)
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

  seek(moment) {
    if (!this.scene) return
    if (this.playing) this.pause()
    this.cursor = Math.max(0, Math.min(this.scene.steps, moment))
    this.paint()
  }

  /** Follow the relief while a hand turns it. */
  turn(milliseconds) {
    if (!this.overlays) return
    const idle = this.turningUntil < performance.now()
    this.turningUntil = performance.now() + milliseconds
    const tick = () => {
      if (this.closed) return
      this.paintSurface()
      if (performance.now() < this.turningUntil) requestAnimationFrame(tick)
    }
    if (idle) requestAnimationFrame(tick)
  }

  paintSurface() {
    const pen = penOn(this.overlays[2])
    paintRelief(pen, this.parts.relief, this.scene, this.rides, this.cursor, this.colors)
    paintLiveRelief(pen, this.parts.relief, this.scene, this.colors)
  }

  paint() {
    if (!this.overlays || this.drawing) return
    const { scene, cursor, colors, parts } = this, [onMap, onCurves] = this.overlays
    const epoch = momentAt(scene, cursor)
    parts.scrub.value = Math.round(cursor)
    parts.moment.textContent = `epoch ${epoch.toFixed(2)} of ${scene.moments.at(-1).toFixed(0)}`
    this.readOut()
    const pen = penOn(onMap)
    paintMap(pen, parts.map, scene, cursor, colors)
    paintLive(pen, parts.map, scene.live, colors)
    paintLines(penOn(onCurves), parts.curves, scene, cursor, colors)
    this.paintSurface()
  }

  // The table, which is the legend too

  table() {
    this.parts.rows.replaceChildren(...this.scene.paths.map(path => {
      const row = document.createElement("tr")
      const button = Object.assign(document.createElement("button"), { className: "name", type: "button", title: "Show or hide" })
      const dashes = path.dash === "solid" ? "" : ' stroke-dasharray="6 3"'
      button.innerHTML = path.model
        ? `<svg width="26" height="12"><path d="M13 0 L19 6 L13 12 L7 6 Z" fill="${path.color}"/></svg>`
        : `<svg width="26" height="8"><line x1="0" x2="26" y1="4" y2="4" stroke="${path.color}" stroke-width="3"${dashes}/></svg>`
      button.append(path.label)
      button.setAttribute("aria-pressed", String(path.shown))
      button.onclick = () => this.hide(path)
      const name = document.createElement("td")
      name.append(button)
      row.className = path.shown ? "" : "hidden"
      row.append(name, ...Array.from({ length: 5 }, () => document.createElement("td")))
      return row
    }))
  }

  readOut() {
    const { scene } = this, i = Math.round(this.cursor)
    scene.paths.forEach((path, k) => {
      const at = Math.min(i, path.end), cells = this.parts.rows.children[k].children
      const texts = [path.model ? "–" : scene.moments[at].toFixed(2), percentage(path.accuracy[at]), exact(path.truth[at]),
        exact(path.onPlane[at]), apart(path.distance[at])]
      texts.forEach((text, column) => {
        cells[column + 1].textContent = text
      })
    })
  }

  hide(path) {
    if (!this.hidden.delete(path.item)) this.hidden.add(path.item)
    path.shown = !this.hidden.has(path.item)
    this.table()
    this.draw()
  }

  save(name, format) {
    if (!name || !this.scene) return
    this.parts.save.value = ""
    const { scene, Plotly } = this, colors = toned(this.colors, this.parts.view.value)
    const { clientWidth: width, clientHeight: height } = this.parts[name]
    const figures = { map: () => planeFigure(scene, colors, true, Math.round(this.cursor)),
      relief: () => reliefFigure(scene, colors, headsOf(scene, this.cursor)), curves: () => linesFigure(scene, colors) }
    const [data, layout] = figures[name]()
    if (name === "relief") layout.scene.camera = this.parts.relief.layout.scene.camera
    if (name === "map") {
      layout.xaxis.range = this.parts.map._fullLayout.xaxis.range
      layout.yaxis.range = this.parts.map._fullLayout.yaxis.range
    }
    const figure = { data, layout: { ...layout, paper_bgcolor: colors.paper, width, height } }
    Plotly.downloadImage(figure, { format, width, height, scale: 2, filename: `landscape-${name}` })
  }

  close() {
    this.closed = true
    this.playing = false
    this.observer.disconnect()
    window.removeEventListener("pointerup", this.release)
    for (const name of ["map", "relief", "curves"]) this.Plotly.purge(this.parts[name])
  }
}

const landscapes = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".landscape")
  const work = plotly().then(Plotly => {
    if (!root.isConnected && !data.still) return
    if (!landscapes.has(root)) landscapes.set(root, new Landscape(root, Plotly))
    return landscapes.get(root).update(data, setTriggerValue)
  })
  work.catch(error => console.error(error))
  return () => {
    landscapes.get(root)?.close()
    landscapes.delete(root)
  }
}
