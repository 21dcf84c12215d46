// The legend: a chip for each name over the plots, which shows and hides its paths, and the table's first column.

import { element, picture, swatch } from "../shared/dom.js"

/** A path's line, or a diamond for a single point. */
const markOf = path => (path.model ? picture(26, 12, "path", { d: "M13 0 L19 6 L13 12 L7 6 Z", fill: path.color }) : swatch(path.color, path.dash, 26))

export function chip(path, toggle) {
  const button = element("button", { className: "chip", type: "button", title: "Show or hide", onclick: toggle }, markOf(path), path.name ?? path.label)
  button.setAttribute("aria-pressed", String(path.shown))
  return button
}

export const nameCell = path => element("td", { className: "name" }, markOf(path), path.label)
