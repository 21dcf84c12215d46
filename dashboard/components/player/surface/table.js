// The table of results, which is the legend too.

export const short = value => (Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : "–")

export function spoken(value) {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : value.toPrecision(4)
}

/** One walk's row; its name shows or hides the optimizer. */
export function rowOf(path, hide) {
  const row = document.createElement("tr")
  row.className = path.shown ? "" : "hidden"
  const cell = (text, className = "") => Object.assign(document.createElement("td"), { textContent: text, className })
  const name = document.createElement("td")
  const button = Object.assign(document.createElement("button"), { className: "name", type: "button", title: "Show or hide" })
  const dashes = path.dash === "solid" ? "" : ' stroke-dasharray="6 3"'
  button.innerHTML = `<svg width="26" height="8"><line x1="0" x2="26" y1="4" y2="4" stroke="${path.color}" stroke-width="3"${dashes}/></svg>`
  button.append(path.label)
  button.setAttribute("aria-pressed", String(path.shown))
  button.onclick = hide
  name.append(button)
  row.append(name, cell(path.rate), cell("", "now"), cell(spoken(path.final)), cell(spoken(path.best)),
    cell(path.reached >= 0 ? path.reached : "–"), cell(path.fate, path.diverged >= 0 ? "bad" : path.reached >= 0 ? "good" : ""))
  return row
}
