// A still figure from Python, in the theme's colours.

import { Drawing, turn } from "../shared/drawing.js"
import { lasting } from "../shared/lasting.js"
import { plotly, SETTINGS } from "../shared/plotly.js"
import { themeOf } from "../shared/theme.js"
import { ChartTools } from "../shared/tools.js"
import { playerBelow } from "./below.js"
import { between } from "./marked.js"

const FIGURE_SETTINGS = { ...SETTINGS, displayModeBar: false }

/** What a figure has from the theme, where it says nothing else. */
function template(colors) {
  const clear = "rgba(0,0,0,0)"
  const axis = { gridcolor: colors.grid, zerolinecolor: colors.grid, linecolor: colors.grid, tickcolor: colors.grid, title: { font: { size: 12.5 } } }
  return { layout: {
    font: { family: colors.font, color: colors.text, size: 12 }, paper_bgcolor: clear, plot_bgcolor: clear, colorway: colors.series,
    hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { family: colors.font, color: colors.text } },
    legend: { bgcolor: clear }, xaxis: axis, yaxis: axis,
  } }
}

class Figure {
  constructor(root) {
    this.root = root
    this.plot = root.querySelector(".still-plot")
    this.tools = new ChartTools(this.plot, { about: () => this.data, numbers: () => this.numbers })
    root.querySelector(".chart-foot").replaceChildren(...this.tools.parts)
    this.drawing = new Drawing(() => this.draw())
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(root)
  }

  update(data, tell) {
    this.tell = tell
    const state = JSON.stringify([data, themeOf(this.root)])
    // A chart that is drawn again would lose what was marked in it.
    if (state === this.state) return
    this.state = state
    this.data = data
    this.plot.style.height = `${data.figure.layout.height}px`
    this.plot.setAttribute("aria-label", data.title)
    this.drawing.request().catch(error => console.error(error))
  }

  async draw() {
    const Plotly = await plotly(this.root)
    await turn(this.root)
    this.drawing.begin()
    if (this.drawing.closed || !this.plot.clientWidth) return
    const { data, layout, frames } = structuredClone(this.data.figure)
    await Plotly.react(this.plot, { data, layout: { ...layout, template: template(themeOf(this.root)) }, frames, config: FIGURE_SETTINGS })
    await this.placePlayer(Plotly)
    this.width = this.plot.clientWidth
    this.listen()
    this.tools.drawn(Plotly)
  }

  /** How far down the labels reach is known only when they are drawn. */
  async placePlayer(Plotly) {
    const [area, title] = [".nsewdrag", ".xtitle"].map(part => this.plot.querySelector(part)?.getBoundingClientRect())
    const changes = area && title ? playerBelow(this.data.figure.layout, this.plot.layout, title.bottom - area.bottom) : {}
    if (Object.keys(changes).length) await Plotly.relayout(this.plot, changes)
  }

  /** Tell the page what a person clicks or marks, where it asks for that. */
  listen() {
    if (this.listening || !this.plot.on) return
    this.listening = true
    this.plot.on("plotly_click", ({ points }) => {
      const value = points.map(point => point.customdata).find(each => typeof each === "string" && each)
      if (this.data.clicks && value) this.tell("clicked", value)
    })
    const select = values => this.data.selects && this.tell("selected", values)
    // Drawing a figure anew with its marks says "selected" without points.
    this.plot.on("plotly_selected", event => event?.range && select(event.points.map(point => point.customdata)))
    this.plot.on("plotly_deselect", () => select([]))
    this.plot.on("plotly_restyle", () => {
      const lines = this.plot._fullData?.find(trace => trace.type === "parcoords")
      if (lines) select(between(lines.dimensions, this.plot.data[lines.index].customdata))
    })
  }

  /** The traces as plotly has unpacked them: in those that Python gives it, an array may be text in base 64. */
  get numbers() {
    return { data: this.plot._fullData, layout: this.plot.layout }
  }

  resize() {
    const { clientWidth } = this.plot
    if (clientWidth && clientWidth !== this.width && this.data) this.drawing.request().catch(error => console.error(error))
  }

  close() {
    this.observer.disconnect()
    this.drawing.close(() => window.Plotly?.purge(this.plot))
  }
}

export default lasting(".still-figure", root => new Figure(root),
  (figure, { data, setTriggerValue }) => figure.update(data, setTriggerValue))
