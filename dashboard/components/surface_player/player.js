// The player: one time cursor over contours, surface and curves. Playback never asks the server for anything.

const WALK_SECONDS = 8
const CLICK_PIXELS = 4
/** How long the relief may go on turning after the hand has left it. */
const TURN_MS = 800

/** plotly.js, loaded once a page. */
function plotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly)
  window.labPlotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: "/lab/plotly.min.js" })
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      window.labPlotly = undefined
      reject(new Error("plotly.min.js did not load"))
    }
    document.head.append(script)
  })
  return window.labPlotly
}

const CONFIG = { displaylogo: false, displayModeBar: "hover", doubleClick: false, responsive: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage", "hoverClosest3d", "orbitRotation", "tableRotation",
    "resetCameraLastSave3d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines", "zoom3d", "pan3d"] }

const short = value => (Number.isFinite(value) ? Number(value.toPrecision(4)).toString().replace("e", "·e") : "–")
function spoken(value) {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4)
}

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
    await this.Plotly.react(relief, ...reliefFigure(this.scene, this.colors), CONFIG)
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
      this.paintRelief(this.overlays[2])
      if (performance.now() < this.turningUntil) requestAnimationFrame(tick)
    }
    if (idle) requestAnimationFrame(tick)
  }

  at(path) {
    return { x: between(path.x, this.cursor, path.end), y: between(path.y, this.cursor, path.end),
      gap: between(path.gap, this.cursor, path.end) }
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
    this.paintMap(this.overlays[0])
    this.paintCurves(this.overlays[1])
    this.paintRelief(this.overlays[2])
    this.placeHandles()
  }

  surfaceOf(canvas) {
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

  paintMap(canvas) {
    const { xaxis, yaxis } = this.parts.map._fullLayout
    const pen = this.surfaceOf(canvas)
    const px = linear(xaxis), py = linear(yaxis)
    pen.save()
    pen.beginPath()
    pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length)
    pen.clip()
    this.paintPaths(pen, path => {
      const end = Math.min(Math.floor(this.cursor), path.end), head = this.at(path)
      for (let i = 0; i <= end; i++) pen.lineTo(px(path.x[i]), py(path.y[i]))
      pen.lineTo(px(head.x), py(head.y))
      return [px(head.x), py(head.y)]
    })
    pen.restore()
  }

  paintRelief(canvas) {
    const pen = this.surfaceOf(canvas), project = projector(this.parts.relief)
    if (!project) return
    const heads = headsOf(this.scene, path => this.at(path))
    this.paintPaths(pen, (path, k) => {
      const ride = this.rides[k], end = Math.min(Math.floor(this.cursor), path.end)
      let inside = false
      for (let i = 0; i <= end; i++) {
        if (ride.z[i] === null) {
          inside = false
          continue
        }
        const spot = project(ride.x[i], ride.y[i], ride.z[i])
        if (inside) pen.lineTo(...spot)
        else pen.moveTo(...spot)
        inside = true
      }
      if (heads.z[k] === null) return null
      const head = project(heads.x[k], heads.y[k], heads.z[k])
      if (inside) pen.lineTo(...head)
      return head
    })
  }

  /** The way so far of every walk that is shown, and where it stands. `trace` draws the line and returns the place. */
  paintPaths(pen, trace) {
    const heads = this.scene.paths.map((path, k) => {
      if (!path.shown) return null
      pen.beginPath()
      const head = trace(path, k)
      Object.assign(pen, { strokeStyle: this.colors.paper, lineWidth: 4, globalAlpha: 0.5, lineJoin: "round" })
      pen.setLineDash([])
      pen.stroke()
      Object.assign(pen, { strokeStyle: path.color, lineWidth: 2.25, globalAlpha: 1 })
      pen.setLineDash(path.dash === "solid" ? [] : [7, 4])
      pen.stroke()
      return head
    })
    pen.setLineDash([])
    heads.forEach((head, k) => head && dot(pen, ...head, 5.5, this.scene.paths[k].color, this.colors.paper))
  }

  paintCurves(canvas) {
    const layout = this.parts.curves._fullLayout
    const pen = this.surfaceOf(canvas)
    const x = layout.xaxis._offset + layout.xaxis.d2p(this.cursor)
    const [left, right] = [layout.xaxis._offset, layout.xaxis._offset + layout.xaxis._length]
    if (x < left - 1 || x > right + 1) return
    const axes = Object.keys(layout).filter(name => /^yaxis\d*$/.test(name)).map(name => layout[name])
    const shown = CURVES.filter(([quantity]) => quantity !== "distance" || this.scene.surface.minima.length)
    pen.globalAlpha = 0.5
    pen.fillStyle = this.colors.text
    for (const axis of axes) pen.fillRect(x - 0.5, axis._offset, 1, axis._length)
    pen.globalAlpha = 1
    shown.forEach(([quantity], i) => {
      const axis = layout[i ? `yaxis${i + 1}` : "yaxis"]
      for (const path of this.scene.paths.filter(p => p.shown)) {
        const end = quantity === "reach" ? path.end - 1 : path.end
        const value = path[quantity][Math.min(Math.round(this.cursor), end)]
        const y = axis.d2p(value)
        if (value > 0 && y >= 0 && y <= axis._length) dot(pen, x, axis._offset + y, 3.5, path.color, this.colors.paper)
      }
    })
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
    body.replaceChildren(...this.scene.paths.map(path => this.row(path)))
    this.nowCells = [...body.querySelectorAll("td.now")]
  }

  row(path) {
    const row = document.createElement("tr")
    row.className = path.shown ? "" : "hidden"
    const cell = (text, className = "") => Object.assign(document.createElement("td"), { textContent: text, className })
    const name = document.createElement("td")
    const button = Object.assign(document.createElement("button"), { className: "name", type: "button", title: "Show or hide" })
    const dashes = path.dash === "solid" ? "" : ' stroke-dasharray="6 3"'
    button.innerHTML = `<svg width="26" height="8"><line x1="0" x2="26" y1="4" y2="4" stroke="${path.color}" stroke-width="3"${dashes}/></svg>`
    button.append(path.label)
    button.onclick = () => this.hide(path.optimizer)
    name.append(button)
    row.append(name, cell(path.rate), cell("", "now"), cell(spoken(path.final)), cell(spoken(path.best)),
      cell(path.reached >= 0 ? path.reached : "–"), cell(path.fate, path.diverged >= 0 ? "bad" : path.reached >= 0 ? "good" : ""))
    return row
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
      relief: () => reliefFigure(this.scene, this.colors, headsOf(this.scene, path => this.at(path))), curves: () => curvesFigure(this.scene, this.colors) }
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

function linear(axis) {
  const zero = axis._offset + axis.l2p(0), slope = axis.l2p(1) - axis.l2p(0)
  return value => zero + slope * value
}

function dot(pen, x, y, radius, color, edge) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 2 * Math.PI)
  pen.fillStyle = color
  pen.fill()
  pen.strokeStyle = edge
  pen.lineWidth = 1.5
  pen.stroke()
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
