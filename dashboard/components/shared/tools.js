// What every chart has beside its picture: its summary, the walk along its curves, and the ways to save it.

import { element, withModifier } from "./dom.js"
import { save, saveMenu } from "./saving.js"
import { themeOf } from "./theme.js"
import { curvesOf, moved, pointInWords, summaryOf } from "./walking.js"

export class ChartTools {
  /** `plot` is plotly's element. `about()` returns the `title` and the `settings`; `figure()` what a picture shows, and
   * `numbers()` what is saved as numbers, where that is another figure than the drawn one; `walks` is false for a chart
   * that has keys of its own. */
  constructor(plot, { about, figure = () => plot, numbers, walks = true }) {
    Object.assign(this, { plot, about, figure, numbers, walks })
    const { button, menu } = saveMenu(format => this.save(format))
    this.button = button
    this.said = element("span", { className: "chart-said" })
    this.said.setAttribute("aria-live", "polite")
    this.parts = walks ? [this.said, button, menu] : [button, menu]
    plot.setAttribute("role", walks ? "application" : "group")
    if (!walks) return
    plot.tabIndex = 0
    plot.setAttribute("aria-roledescription", "chart")
    plot.addEventListener("keydown", event => this.walk(event))
    plot.addEventListener("focusout", () => this.leave())
  }

  /** Called after each drawing. */
  drawn(Plotly) {
    this.Plotly = Plotly
    this.button.disabled = false
    this.plot.setAttribute("aria-label", summaryOf(this.about().title, this.curves))
  }

  get curves() {
    // The full layout has titles that are invitations to enter one.
    return this.plot._fullData ? curvesOf(this.plot._fullData, this.plot.layout) : []
  }

  walk(event) {
    if (withModifier(event) || event.target !== this.plot) return
    const { curves } = this, at = moved(event.key, this.at, curves)
    if (!at) return
    event.preventDefault()
    this.at = at
    const curve = curves[at.curve], point = curve.places[at.point]
    this.said.textContent = pointInWords(curve, point)
    this.Plotly.Fx.hover(this.plot, [{ curveNumber: curve.trace.index, pointNumber: point }])
  }

  leave() {
    if (!this.at) return
    this.at = null
    this.said.textContent = ""
    if (this.plot._fullLayout) this.Plotly.Fx.unhover(this.plot)
  }

  save(format) {
    const { clientWidth: width, clientHeight: height } = this.plot
    return save(this.Plotly, format, { figure: this.figure(), numbers: this.numbers?.(), about: this.about(), colors: themeOf(this.plot),
      size: { width, height } }).catch(error => console.error(error))
  }
}
