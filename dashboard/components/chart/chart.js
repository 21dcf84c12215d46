// The component: draws its runs as their events arrive. No script rerun is part of it.

import { Feed, Recording } from "./feed.js"
import { CHART_SETTINGS, layout, scalesOf, traces } from "./figure.js"
import { keepOnly, overlayLayout, overlayScales, overlayTraces, panels } from "./overlay.js"
import { ranked, Ranking, timeLeft } from "./ranking.js"
import { apply, isOver, isSettled, isStale, newRun, secondsLeft, trainingLoss } from "./run.js"
import { count, duration, ending, loss, percent, place } from "../shared/format.js"
import { Drawing } from "../shared/drawing.js"
import { lasting } from "../shared/lasting.js"
import { plotly } from "../shared/plotly.js"
import { edgeOf } from "../shared/scales.js"
import { smooth } from "../shared/series.js"
import { movesLittle, themeOf } from "../shared/theme.js"
import { ChartTools } from "../shared/tools.js"

const FRAME_MS = 90
/** Longest time that a picture of other runs waits for their first events. */
const FIRST_EVENTS_MS = 250
/** By how much the chart may miss its place. */
const OFF_PX = 2

/** The end of a run, or its pause, as it is spoken. */
function endInWords(run) {
  const result = run.test ? `, test accuracy ${percent(run.test.accuracy)}, test loss ${loss(run.test.loss)}` : ""
  return `${run.name}: ${ending(run.state, run.test?.accuracy)}${result}. ${run.message ?? ""}`.trim()
}

class LiveChart {
  /** `recorded` are the events, by run, of a page that stands alone. */
  constructor(root, recorded) {
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
    this.tools = new ChartTools(this.plot, { about: () => this.about, numbers: () => this.numbers() })
    this.find("foot").replaceChildren(...this.tools.parts)
    this.drawing = new Drawing(() => this.drawPlot(), () => this.draw())
    const events = {
      wanted: () => [...this.runs.values()], onEvents: frame => this.receive(frame), onRestart: () => this.restart(),
      onChange: () => this.draw(),
    }
    this.feed = recorded ? new Recording(recorded, events) : new Feed(events)
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
  }

  /** Take Python's data: the runs and their states. Called again on every change of data or theme. */
  update(data, onChange) {
    const before = new Map(this.runs)
    this.onChange = onChange
    this.invitation = data.invitation
    this.about = data.about
    this.runs = new Map(data.runs.map(given => [given.id, Object.assign(this.runs.get(given.id) ?? newRun(given.id), given)]))
    this.lines = data.lines.map(line => ({ ...line, members: line.runs.map(id => this.runs.get(id)) }))
    const changed = [...this.runs.keys()].join() !== [...before.keys()].join()
    if (changed) {
      // Runs that join others keep the zoom; wholly other runs get a picture of their own.
      if (![...this.runs.keys()].some(id => before.has(id))) this.revision += 1
      keepOnly(this.runs)
      this.feed.subscribe()
      if (this.shown) this.comeIntoView()
    }
    // Others may have gone on with a run while the page was drawn.
    for (const run of this.runs.values()) this.askIfStale(run)
    // The first events of another run are about to come: drawing it without them would only hold them up.
    this.draw(changed && this.shown ? FIRST_EVENTS_MS : 0)
    this.shown = true
  }

  /** On a phone, scroll to the chart, and again, until the visitor's next gesture, where it is not at the top after all: what
   * stands above it comes and goes meanwhile, and a smooth scroll ends where the chart was when the scroll began. */
  comeIntoView() {
    if (!matchMedia("(max-width: 640px)").matches) return
    this.arrival?.abort()
    this.arrival = new AbortController()
    const options = { capture: true, signal: this.arrival.signal }
    const scroll = () => this.root.scrollIntoView({ behavior: movesLittle() ? "auto" : "smooth", block: "start" })
    const wanted = parseFloat(getComputedStyle(this.root).scrollMarginTop)
    document.addEventListener("scrollend", () => {
      if (Math.abs(this.root.getBoundingClientRect().top - wanted) > OFF_PX) scroll()
    }, options)
    for (const gesture of ["wheel", "pointerdown", "keydown"]) document.addEventListener(gesture, () => this.arrival.abort(), options)
    scroll()
  }

  receive({ run: id, events, position }) {
    const run = this.runs.get(id)
    if (!run) return
    run.heard = true
    for (const event of events) apply(run, event)
    run.position = position
    this.askIfStale(run)
    this.draw()
  }

  /** Ask for a drawing of the page, and say how the run ended, once for each change of a run that the page lacks. */
  askIfStale(run) {
    const change = `${run.id} ${run.state} ${run.changed}`
    if (!isStale(run) || run.asked === change) return
    run.asked = change
    this.onChange(change)
    if (isSettled(run)) this.write("news", endInWords(run))
  }

  /** Another server process may have lost events that this page has: all runs begin anew. */
  restart() {
    for (const run of this.runs.values()) Object.assign(run, newRun(run.id))
    keepOnly(new Map())
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
      if (this.drawing.closed) return
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
      this.drawing.request().catch(error => console.error(error))
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

  write(id, text) {
    const element = this.find(id)
    if (element.textContent !== text) element.textContent = text
  }

  showProgress(done) {
    const bar = this.root.querySelector(".live-bar")
    bar.setAttribute("aria-valuenow", Math.round(100 * done))
    bar.firstElementChild.style.width = `${100 * done}%`
  }

  /** A state in words; on a page that stands alone one that is not the last is as old as the page. */
  stateInWords(state, over) {
    return this.feed.saved && !over ? `${state} when this page was saved` : state
  }

  /** The head of several lines: how many runs are over, and who leads. */
  drawRanking() {
    const runs = [...this.runs.values()], over = runs.filter(isOver).length
    const going = runs.some(run => run.state === "running" || run.state === "paused")
    const state = runs.some(run => !run.heard) ? "loading" : over === runs.length ? "finished" : going ? "running" : "queued"
    this.find("state").dataset.state = state
    this.write("state", this.stateInWords(state, over === runs.length))
    this.write("run-name", "")
    this.write("link", this.feed.failures ? "reconnecting…" : "")
    this.showProgress(ranked(this.lines).reduce((sum, s) => sum + (s.progress * s.line.runs.length) / runs.length, 0))
    this.write("epoch", `${over} of ${runs.length} runs over`)
    for (const id of ["step", "speed", "place"]) this.write(id, "")
    const left = this.feed.saved ? null : timeLeft(this.lines)
    this.write("left", left === null ? "" : `about ${duration(left)} left`)
    this.ranking.draw(this.lines)
    this.find("note").hidden = true
    this.find("invitation").hidden = true
  }

  drawFigures() {
    const [run = newRun("")] = this.runs.values()
    const write = (id, text) => this.write(id, text)
    const badge = this.find("state")
    const state = !run.heard ? "loading" : run.stalled ? "stalled" : ending(run.state, run.test?.accuracy)
    badge.dataset.state = run.id ? state : "ready"
    write("state", !run.id ? "ready" : run.position ? `queued, number ${run.position}` : this.stateInWords(state, isOver(run)))
    write("run-name", run.name ?? "")
    write("link", this.feed.failures ? "reconnecting…" : "")
    const done = run.size && run.step !== null ? run.step / run.size.steps : 0
    this.showProgress(done)
    const size = run.size
    const epoch = size && Math.min(size.epochs, Math.floor((run.step ?? 0) / size.steps_per_epoch) + 1)
    write("epoch", size ? `epoch ${epoch} of ${size.epochs}` : "")
    write("step", size ? `step ${count(run.step ?? 0)} of ${count(size.steps)}` : "")
    write("speed", run.speed ? `${count(run.speed)} images/s` : "")
    const left = isOver(run) || this.feed.saved ? null : secondsLeft(run)
    write("left", run.seconds !== null ? `trained in ${duration(run.seconds)}` : left === null ? "" : `${duration(left)} left`)
    write("place", place(run.size))
    write("training-loss", loss(trainingLoss(run)))
    write("validation-loss", loss(run.epochs.loss.at(-1)))
    write("validation-accuracy", percent(run.epochs.accuracy.at(-1)))
    write("test-loss", loss(run.test?.loss))
    write("test-accuracy", percent(run.test?.accuracy))
    this.find("note").hidden = !run.message
    write("note", run.message ?? "")
    this.find("invitation").hidden = Boolean(run.id)
    write("invitation", this.invitation ?? "")
  }

  async drawPlot() {
    const Plotly = await plotly(this.plot.parentElement)
    if (this.drawing.closed || !this.plot.clientWidth) return
    const colors = themeOf(this.root)
    this.readControls()
    await (this.lines.length ? this.drawLines(Plotly, colors) : this.drawRun(Plotly, colors))
    this.plot.dataset.drawn = String([...this.runs.values()].reduce((sum, run) => sum + run.steps.length, 0))
    this.tools.drawn(Plotly)
    if (!this.listening) this.plot.on("plotly_relayout", change => this.zoom(change))
    this.listening = true
  }

  /** Read the controls. Runs whose epochs differ in steps are first laid over each other by epoch. */
  readControls() {
    const perEpoch = new Set([...this.runs.values()].filter(run => run.size).map(run => run.size.steps_per_epoch))
    const unit = this.unit ?? (perEpoch.size > 1 ? "epoch" : "step")
    const checked = id => this.find(id).checked
    // Lines differ near the end, where losses are small.
    this.find("log").checked = this.log ?? this.lines.length > 0
    this.find("unit").value = unit
    this.write("unit-name", unit === "time" ? "seconds" : unit)
    Object.assign(this.view, {
      log: checked("log"), logX: checked("log-x"), gap: checked("gap"), unit, width: this.plot.clientWidth,
      revision: String(this.revision), focus: this.focused,
    })
  }

  /** Remember a zoom, from plotly's event; an axis that is reset follows the data again. */
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

  /** Put the zoom into a layout. plotly forgets a zoom when the range that it is given changes, and here ranges follow
   * the data; so its own is reset each time. */
  keepZoom(figure, names = {}) {
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
    const runs = [...this.runs.values()], scales = scalesOf(runs, this.view)
    const shown = this.keepZoom(layout(runs, this.view, colors, scales))
    return Plotly.react(this.plot, traces(runs, this.view, colors, scales, shown), shown, CHART_SETTINGS)
  }

  drawLines(Plotly, colors) {
    const names = Object.fromEntries(panels(this.view, this.lines).map(panel => [panel.axis.replace("y", "yaxis"), panel.name]))
    const scales = overlayScales(this.lines, this.view)
    const shown = this.keepZoom(overlayLayout(this.lines, this.view, colors, scales), names)
    const edges = Object.fromEntries(Object.entries(names).map(([axis, name]) => [name, edgeOf(scales[name], shown[axis].range)]))
    // A zoom is drawn as finely as the whole was; a quarter beyond its edges is kept for panning.
    const [from, to] = shown.xaxis.range.map(value => (this.view.logX ? 10 ** value : value))
    const edge = 0.25 * (to - from)
    const data = overlayTraces(this.lines, this.view, [from - edge, to + edge], Math.round(this.view.width / 2), edges)
    return Plotly.react(this.plot, data, shown, CHART_SETTINGS)
  }

  /** The figure's curves whole: neither thinned nor cut at an axis's edge, and each step where it is. */
  numbers() {
    const runs = [...this.runs.values()], view = { ...this.view, logX: false }, whole = { type: "linear", range: [0, Infinity] }
    const edges = Object.fromEntries(panels(view, this.lines).map(({ name }) => [name, Infinity]))
    const data = this.lines.length ? overlayTraces(this.lines, view, [-Infinity, Infinity], Infinity, edges)
      : traces(runs, view, themeOf(this.root), { loss: whole, rate: whole }, { yaxis: whole, yaxis3: whole })
    return { data, layout: this.plot.layout }
  }

  resize() {
    if (this.plot.classList.contains("js-plotly-plot") && this.plot.clientWidth) this.draw()
  }

  close() {
    clearTimeout(this.pending)
    this.arrival?.abort()
    this.feed.close()
    this.observer.disconnect()
    this.drawing.close(() => window.Plotly?.purge(this.plot))
  }
}

export default lasting(".live", (root, { data }) => new LiveChart(root, data.recorded),
  (chart, { data, setStateValue }) => chart.update(data, what => setStateValue("changed", what)))
