// Elements, and the small pictures that stand for a line.

const SVG = "http://www.w3.org/2000/svg"

/** An element with properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** Whether a key is pressed with another one, which makes it the browser's: Alt and an arrow go back in its history. */
export const withModifier = event => event.altKey || event.ctrlKey || event.metaKey

/** An SVG picture of one shape. */
export function picture(width, height, shape, attributes) {
  const svg = document.createElementNS(SVG, "svg"), inner = document.createElementNS(SVG, shape)
  for (const [name, value] of Object.entries({ width, height, "aria-hidden": "true" })) svg.setAttribute(name, value)
  for (const [name, value] of Object.entries(attributes)) inner.setAttribute(name, value)
  svg.append(inner)
  return svg
}

const DASHES = { dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }

/** plotly's name of a dash as SVG writes it; empty for a solid line. */
export const dashArray = dash => DASHES[dash] ?? ""

/** Colour and dash of a line, as a legend shows them. */
export const swatch = (color, dash, width = 22, height = 8) => picture(width, height, "line", {
  x1: 1, y1: height / 2, x2: width - 1, y2: height / 2, stroke: color, "stroke-width": 3, "stroke-dasharray": dashArray(dash),
})

