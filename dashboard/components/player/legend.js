// The table's first column, which is the legend too.

import { element, picture, swatch } from "../shared/dom.js"

/** A cell with a path's line, or a diamond for a single point, and its name; pressed, it shows or hides the path. */
export function nameCell(path, toggle) {
  const mark = path.model ? picture(26, 12, "path", { d: "M13 0 L19 6 L13 12 L7 6 Z", fill: path.color }) : swatch(path.color, path.dash, 26)
  const button = element("button", { className: "name", type: "button", title: "Show or hide", onclick: toggle }, mark, path.label)
  button.setAttribute("aria-pressed", String(path.shown))
  return element("td", {}, button)
}
