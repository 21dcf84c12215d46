// The component: reads its runs' events from the lab's WebSocket and draws them. No script rerun is part of it.

const FRAME_MS = 90
const FIRST_EVENTS_MS = 250
const PATIENCE_MS = [300, 1000, 2000, 5000]

const figure = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits))
const percent = value => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(2)} %`)
const count = value => Math.round(value).toLocaleString("en")
function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

class LiveChart {
  constructor(root) {
    this.root = root
    this.find = id => root.querySelector(`[data-testid="${id}"]`)
    this.plot = this.find("plot")
    this.runs = new Map()
    this.lines = []
    this.hidden = new Set()
    this.axes = {}
    this.zoomed = new Map()
    this.view = { log: false, width: 0 }
    this.revision = this.drawings = 0
    this.failures = 0
    this.ranking = new Ranking(this.find("ranking"), name => this.toggle(name), name => this.focus(name))
    this.find("smoothing").oninput = () => this.draw()
    for (const id of ["log-x", "gap"]) this.find(id).onchange = () => this.draw()
    this.find("log").onchange = () => {
      this.log = this.find("log").checked
      this.draw()
    }
    this.find("unit").onchange = () => {
      this.unit = this.find("unit").value
      this.draw()
    }
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(this.plot)
    this.connect()
  }

  /** What Python says: which runs, and what it knows of them. Called again on every change of data or theme. */
  update(data, tellSettled) {
    const before = new Map(this.runs)
    this.tellSettled = tellSettled
    this.invitation = data.invitation
    this.runs = new Map(data.runs.map(given => [given.id, Object.assign(this.runs.get(given.id) ?? newRun(given.id), given)]))
    this.lines = data.lines.map(line => ({ ...line, members: line.runs.map(id => this.runs.get(id)) }))
    const changed = [...this.runs.keys()].join() !== [...before.keys()].join()
    if (changed) {
      // Runs that join others keep the zoom; wholly other runs get a picture of their own.
      if (![...this.runs.keys()].some(id => before.has(id))) this.revision += 1
      forget(this.runs)
      this.subscribe()
      if (this.shown) this.comeIntoView()
    }
    // The first events of another run are about to come: drawing it without them would only hold them up.
    this.draw(changed && this.shown ? FIRST_EVENTS_MS : 0)
    this.shown = true
  }

  comeIntoView() {
    if (window.innerWidth <= 640) this.root.scrollIntoView({ behavior: "smooth", block: "start" })
  }

  subscribe() {
    if (!this.greeted || this.socket?.readyState !== WebSocket.OPEN) return
    // Those that are over too: somebody may resume them.
    const wanted = [...this.runs.values()].filter(run => run.state !== "unknown")
    this.socket.send(JSON.stringify({ runs: Object.fromEntries(wanted.map(run => [run.id, run.seq])) }))
  }

  connect() {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/lab/live`)
    this.socket = socket
    this.greeted = false
    socket.onopen = () => {
      this.failures = 0
      this.draw()
    }
    socket.onmessage = message => this.receive(JSON.parse(message.data))
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.socket = null
      this.retry = setTimeout(() => this.connect(), PATIENCE_MS[Math.min(this.failures, PATIENCE_MS.length - 1)])
      this.failures += 1
      this.draw()
    }
  }

  receive({ lab, run: id, events }) {
    if (lab) {
      this.greet(lab)
      return
    }
    const run = this.runs.get(id)
    if (!run) return
    const wasSettled = isSettled(run)
    for (const event of events) apply(run, event)
    if (isSettled(run) && !wasSettled && !run.settled) this.tellSettled(`${id} ${run.seq}`)
    this.draw()
  }

  /** A connection's first message: which server this is. Another one may have lost events that we saw: start over. */
  greet(lab) {
    if (this.lab && this.lab !== lab) {
      for (const run of this.runs.values()) Object.assign(run, newRun(run.id))
      forget(new Map())
    }
    this.lab = lab
    this.greeted = true
    this.subscribe()
  }

  /** Draw after `delay` at the latest, and at most once a frame time, however often it is asked for. */
  draw(delay = 0) {
    const due = Math.max(performance.now() + delay, (this.drawn ?? -FRAME_MS) + FRAME_MS)
    if (this.pending && this.due <= due) return
    clearTimeout(this.pending)
    this.due = due
    this.pending = setTimeout(() => requestAnimationFrame(() => {
      this.pending = null
      this.drawn = performance.now()
      if (this.closed) return
      this.view.share = Number(this.find("smoothing").value)
      for (const run of this.runs.values()) {
        const state = `${run.seq} ${this.view.share}`
        if (run.smoothedAs !== state) run.smoothed = smooth(run.steps, run.means, this.view.share)
        run.smoothedAs = state
      }
      for (const line of this.lines) line.hidden = this.hidden.has(line.name)
      if (this.lines.length) this.drawRanking()
      else this.drawFigures()
      this.root.classList.toggle("overlay", this.lines.length > 0)
      this.drawPlot()
    }), due - performance.now())
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name)
    this.draw()
  }

  focus(name) {
    this.focused = name
    this.draw()
  }

  say(id, text) {
    const element = this.find(id)
    if (element.textContent !== text) element.textContent = text
  }

  showProgress(done) {
    const bar = this.root.querySelector(".live-bar")
    bar.setAttribute("aria-valuenow", Math.round(100 * done))
    bar.firstElementChild.style.width = `${100 * done}%`
  }

  /** The head of several lines: how many runs are over, and who leads. */
  drawRanking() {
    const runs = [...this.runs.values()], over = runs.filter(isOver).length
    const going = runs.some(run => run.state === "running" || run.state === "paused")
    const state = over === runs.length ? "finished" : going ? "running" : "queued"
    this.find("state").dataset.state = state
    this.say("state", state)
    this.say("run-name", "")
    this.say("link", this.failures ? "reconnecting…" : "")
    this.showProgress(ranked(this.lines).reduce((sum, s) => sum + (s.progress * s.line.runs.length) / runs.length, 0))
    this.say("epoch", `${over} of ${runs.length} runs over`)
    for (const id of ["step", "speed"]) this.say(id, "")
    const left = timeLeft(this.lines)
    this.say("left", left === null ? "" : `about ${duration(left)} left`)
    this.ranking.draw(this.lines)
    this.find("note").hidden = true
    this.find("invitation").hidden = true
  }

  drawFigures() {
    const [run = newRun("")] = this.runs.values()
    const say = (id, text) => this.say(id, text)
    const badge = this.find("state")
    const state = run.stalled ? "stalled" : run.state
    badge.dataset.state = run.id ? state : "ready"
    say("state", !run.id ? "ready" : run.position ? `queued, number ${run.position}` : state)
    say("run-name", run.name ?? "")
    say("link", this.failures ? "reconnecting…" : "")
    const done = run.size && run.step !== null ? run.step / run.size.steps : 0
    this.showProgress(done)
    const size = run.size
    const epoch = size && Math.min(size.epochs, Math.floor((run.step ?? 0) / size.steps_per_epoch) + 1)
    say("epoch", size ? `epoch ${epoch} of ${size.epochs}` : "")
    say("step", size ? `step ${count(run.step ?? 0)} of ${count(size.steps)}` : "")
    say("speed", run.speed ? `${count(run.speed)} images/s` : "")
    const left = isOver(run) ? null : secondsLeft(run)
    say("left", run.seconds !== null ? `trained in ${duration(run.seconds)}` : left === null ? "" : `${duration(left)} left`)
    say("training-loss", figure(run.smoothed?.at(-1), 4))
    say("validation-loss", figure(run.epochs.loss.at(-1), 4))
    say("validation-accuracy", percent(run.epochs.accuracy.at(-1)))
    say("test-loss", figure(run.test?.loss, 4))
    say("test-accuracy", percent(run.test?.accuracy))
    this.find("note").hidden = !run.message
    say("note", run.message ?? "")
    this.find("invitation").hidden = Boolean(run.id)
    say("invitation", this.invitation ?? "")
  }

  /** One drawing at a time: plotly finishes some of its work later, and a second one would find it half done. */
  async drawPlot() {
    if (this.drawing) {
      this.again = true
      return
    }
    this.drawing = true
    const Plotly = await plotly().catch(() => null)
    if (Plotly && !this.closed && this.plot.clientWidth) {
      const colors = palette(this.root)
      this.look()
      await (this.lines.length ? this.drawLines(Plotly, colors) : this.drawRun(Plotly, colors))
      this.plot.dataset.drawn = String([...this.runs.values()].reduce((sum, run) => sum + run.steps.length, 0))
      if (!this.listening) this.plot.on("plotly_relayout", change => this.zoom(change))
      this.listening = true
    }
    this.drawing = false
    if (this.again) {
      this.again = false
      this.draw()
    }
  }

  /** What the controls say. Runs whose epochs differ in steps are first laid over each other by epoch. */
  look() {
    const perEpoch = new Set([...this.runs.values()].filter(run => run.size).map(run => run.size.steps_per_epoch))
    const unit = this.unit ?? (perEpoch.size > 1 ? "epoch" : "step")
    const checked = id => this.find(id).checked
    // What sets lines apart lies near the end, where losses are small.
    this.find("log").checked = this.log ?? this.lines.length > 0
    this.find("unit").value = unit
    this.say("unit-name", unit === "time" ? "seconds" : unit)
    Object.assign(this.view, {
      log: checked("log"), logX: checked("log-x"), gap: checked("gap"), unit, width: this.plot.clientWidth,
      revision: String(this.revision), focus: this.focused,
    })
  }

  /** What a person zoomed to, from plotly's account of it; an axis that is reset follows the data again. */
  zoom(change) {
    for (const [axis, { key, range }] of Object.entries(this.axes)) {
      const ends = change[`${axis}.range`] ?? [change[`${axis}.range[0]`], change[`${axis}.range[1]`]]
      // A reset goes back to the very first range, which may be long out of date.
      const { _rangeInitial0: low, _rangeInitial1: high } = this.plot._fullLayout[axis] ?? {}
      const same = other => other && ends.every((end, i) => Math.abs(end - other[i]) <= 1e-9 * Math.abs(other[1] - other[0]))
      if (change[`${axis}.autorange`] || same(range) || same([low, high])) this.zoomed.delete(key)
      else if (ends[0] !== undefined) this.zoomed.set(key, ends)
    }
    this.draw()
  }

  /** Put what was zoomed to into a layout. plotly's own memory of a zoom ends when the range that it is given changes, and
   * here ranges follow the data; so it is told to forget each time. */
  hold(figure, names = {}) {
    this.axes = {}
    this.drawings += 1
    for (const axis of Object.keys(figure).filter(name => /^[xy]axis/.test(name))) {
      const key = `${names[axis] ?? axis} ${figure[axis].uirevision ?? figure.uirevision}`
      // Copies: plotly writes into the ranges that it is given.
      this.axes[axis] = { key, range: figure[axis].range && [...figure[axis].range] }
      if (this.zoomed.has(key)) Object.assign(figure[axis], { range: [...this.zoomed.get(key)], autorange: false })
      figure[axis].uirevision = this.drawings
    }
    return figure
  }

  drawRun(Plotly, colors) {
    const runs = [...this.runs.values()]
    return Plotly.react(this.plot, traces(runs, this.view, colors), this.hold(layout(runs, this.view, colors)), plotSettings)
  }

  drawLines(Plotly, colors) {
    const names = Object.fromEntries(panels(this.view).map(panel => [panel.axis.replace("y", "yaxis"), panel.name]))
    const shown = this.hold(overlayLayout(this.lines, this.view, colors), names)
    // What a zoom shows is drawn as finely as the whole was; a quarter beyond its edges is kept for panning.
    const [from, to] = shown.xaxis.range.map(value => (this.view.logX ? 10 ** value : value))
    const edge = 0.25 * (to - from)
    const data = overlayTraces(this.lines, this.view, [from - edge, to + edge], Math.round(this.view.width / 2))
    return Plotly.react(this.plot, data, shown, plotSettings)
  }

  resize() {
    if (this.plot.classList.contains("js-plotly-plot") && this.plot.clientWidth) this.draw()
  }

  close() {
    this.closed = true
    clearTimeout(this.pending)
    clearTimeout(this.retry)
    const socket = this.socket
    this.socket = null
    socket?.close()
    this.observer.disconnect()
    window.Plotly?.purge(this.plot)
  }
}

const charts = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".live")
  if (!charts.has(root)) charts.set(root, new LiveChart(root))
  const chart = charts.get(root)
  chart.update(data, what => setStateValue("settled", what))
  return () => {
    chart.close()
    charts.delete(root)
  }
}
