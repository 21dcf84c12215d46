// What a cell of the table looks like, by its column's kind.

const DASHES = { dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }
const SVG = "http://www.w3.org/2000/svg"

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function drawing(width, height, shape, attributes) {
  const picture = document.createElementNS(SVG, "svg"), inner = document.createElementNS(SVG, shape)
  for (const [name, value] of Object.entries({ width, height, "aria-hidden": "true" })) picture.setAttribute(name, value)
  for (const [name, value] of Object.entries(attributes)) inner.setAttribute(name, value)
  picture.append(inner)
  return picture
}

/** A small curve, its height logarithmic. The whole width is the whole run, so one that trains grows to the right. */
function sparkline(losses) {
  const width = 92, height = 24
  const values = losses.map(loss => (loss === null ? null : Math.log(Math.max(loss, 1e-9))))
  const known = values.filter(value => value !== null)
  if (known.length < 2) return ""
  const low = Math.min(...known), high = Math.max(...known)
  const points = values.flatMap((value, i) => (value === null ? [] :
    `${((i / (values.length - 1)) * (width - 2) + 1).toFixed(1)},${(height - 2 - ((value - low) / (high - low || 1)) * (height - 4)).toFixed(1)}`))
  const curve = drawing(width, height, "polyline", {
    points: points.join(" "), fill: "none", stroke: "currentColor", "stroke-width": "1.5", "stroke-linejoin": "round",
  })
  curve.setAttribute("class", "curve")
  return curve
}

function swatch(color, dash) {
  const picture = drawing(22, 8, "line", { x1: 1, y1: 4, x2: 21, y2: 4, stroke: color, "stroke-width": 3, "stroke-dasharray": DASHES[dash] ?? "" })
  picture.setAttribute("class", "swatch")
  return picture
}

const cells = {
  run(table, row, { name, settings, tags, color, dash }) {
    const link = element("a", { href: `${table.address}?run=${encodeURIComponent(row.id)}`, textContent: name })
    link.onclick = event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
      event.preventDefault()
      table.tell.trigger("opened", row.id)
    }
    return [swatch(color, dash), link, ...tags.map(tag => element("span", { className: "tag", textContent: tag })),
      element("small", { textContent: settings })]
  },
  state: (table, row, { text, tone }) => {
    const badge = element("span", { className: "badge", textContent: text })
    badge.dataset.tone = tone
    return [badge]
  },
  curve: (table, row, values) => [sparkline(values)],
  action: (table, row, label) => [element("button", {
    type: "button", className: "act", textContent: label, onclick: () => table.tell.trigger("acted", row.id),
  })],
  text: (table, row, value) => [value === null ? "–" : value],
  percent: (table, row, value) => [value === null ? "–" : `${(100 * value).toFixed(2)} %`],
  loss: (table, row, value) => [value === null ? "–" : value.toFixed(4)],
  seconds: (table, row, value) => [value === null ? "–" : value < 100 ? `${value.toFixed(1)} s` : `${Math.round(value / 60)} min`],
  number: (table, row, value) => [value === null ? "–" : value.toLocaleString("en")],
  when: (table, row, value) => [value === null ? "–" : ago(Date.now() / 1000 - value)],
}

const minute = () => Math.floor(Date.now() / 60000)

function ago(seconds) {
  if (seconds < 60) return "just now"
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86400)} d ago`
}
