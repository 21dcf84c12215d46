// Cells of the table, by their column's kind.

import { element, picture, swatch } from "../shared/dom.js"
import { ago, count, dateTime, duration, loss, NOTHING, percent, spread } from "../shared/format.js"
import { sparkline } from "../shared/scales.js"

/** A small curve, on the scale of all in the table. The whole width is the whole run, so one that trains grows to the right. */
function curve(losses, scale) {
  const width = 92, height = 24
  const points = sparkline(losses, width, height, scale)
  if (!points.length) return ""
  const svg = picture(width, height, "polyline", {
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "), fill: "none", stroke: "currentColor",
    "stroke-width": "1.5", "stroke-linejoin": "round",
  })
  svg.setAttribute("class", "curve")
  return svg
}

function line(color, dash) {
  const svg = swatch(color, dash)
  svg.setAttribute("class", "swatch")
  return svg
}

/** By kind: `(table, row, value)` to the cell's children. */
export const cells = {
  run(table, row, { name, settings, tags, color, dash }) {
    const target = row.compare ? `compare=${row.compare}` : `run=${encodeURIComponent(row.id)}`
    const link = element("a", { href: `${table.address}?${target}`, textContent: name })
    link.onclick = event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
      event.preventDefault()
      table.tell.trigger("opened", row.id)
    }
    return [line(color, dash), link, ...tags.map(tag => element("span", { className: "tag", textContent: tag })),
      element("small", { textContent: settings })]
  },
  state: (table, row, { text, tone }) => {
    const badge = element("span", { className: "badge", textContent: text })
    badge.dataset.tone = tone
    return [badge]
  },
  curve: (table, row, values) => [curve(values, table.scale)],
  action: (table, row, label) => label === null ? [] : [element("button", {
    type: "button", className: "act", textContent: label, onclick: () => table.tell.trigger("acted", row.id),
  })],
  text: (table, row, value) => [value === null ? NOTHING : value],
  percent: (table, row, value) => [percent(value)],
  spread: (table, row, values) => {
    const [middle, range] = spread(values, percent)
    return [middle, element("small", { textContent: range })]
  },
  loss: (table, row, value) => [loss(value)],
  seconds: (table, row, value) => [duration(value)],
  number: (table, row, value) => [count(value)],
  when: (table, row, value) => [value === null ? NOTHING : element("time", {
    dateTime: new Date(1000 * value).toISOString(), title: ago(Date.now() / 1000 - value), textContent: dateTime(value),
  })],
}

/** The minute that the ages shown are of; in another one they are drawn anew. */
export const minute = () => Math.floor(Date.now() / 60000)
