// Saving a chart from where it stands: a picture with title, settings and legend, and its numbers.

import { element } from "./dom.js"
import { nameOf, panelOf, pointsOf, seriesOf, shownTraces } from "./points.js"

/** A picture's least width in CSS pixels, so that one from a phone serves on a slide too; it is saved with twice as many. */
const WIDTH = 960, SCALE = 2
/** Least height of a map or a solid, as a share of the width. */
const SQUARE = 0.75
/** A picture cannot load the page's own font, in which its texts would be measured and then drawn wider. */
const FONT = "Arial, Helvetica, sans-serif"
const FORMATS = { png: "Picture, PNG", svg: "Drawing, SVG", csv: "Numbers, CSV" }

// Numbers

const FORMULA = /^[=+\-@\t\r]/

/** A cell; text that a spreadsheet would take for a formula gets a quote before it, as core/runs/export.py does. */
function cell(value) {
  if (typeof value !== "string") return Number.isFinite(value) ? String(value) : ""
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const csv = rows => rows.map(row => `${row.map(cell).join(",")}\n`).join("")

/** A figure's numbers as CSV, a point a line: panel and series where there are any, x, y and z. */
export function numbersOf(traces, layout) {
  const whole = traces.find(trace => trace.dimensions)
  if (whole) return csv(parallel(whole))
  const shown = shownTraces(traces)
  const rows = shown.flatMap(trace => {
    const name = [seriesOf(trace), ...(typeof trace.meta === "string" ? [trace.meta] : [])].join(", ")
    return pointsOf(trace).map(point => [panelOf(trace, layout), name, ...point])
  })
  const solid = rows.some(row => row[4] !== undefined)
  const vertical = rows.some(row => row[0]) ? "" : nameOf(layout, "y")
  const head = ["panel", "series", nameOf(layout, "x") || "x", vertical || (solid ? "y" : "value"), layout.meta?.z ?? "height"]
  const kept = head.map((_, column) => column === 2 || column === 3 || rows.some(row => row[column] !== "" && row[column] !== undefined))
  return csv([head, ...rows].map(row => row.filter((_, column) => kept[column])))
}

/** The rows of parallel coordinates; an axis with words has a number's place for each. */
function parallel({ dimensions, meta }) {
  const read = ({ label, values, tickvals, ticktext }, i) => {
    if (meta?.[label]) return meta[label][i]
    return tickvals ? ticktext[Array.from(tickvals).indexOf(values[i])] ?? values[i] : values[i]
  }
  return [dimensions.map(axis => axis.label), ...Array.from(dimensions[0].values, (_, i) => dimensions.map(axis => read(axis, i)))]
}

// Pictures

/** Plain text as plotly shows it: it knows tags. */
const plain = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** Lines of at most `room` characters, broken between settings or words, and in a word only where no line could hold it. */
function wrapped(text, room) {
  const lines = [""], words = text.split(" ").flatMap(word => word.match(new RegExp(`.{1,${room}}`, "gu")) ?? [""])
  for (const word of words) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word
    if (longer.length > room && lines.at(-1)) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** One trace of each name, the one drawn most strongly, stands for it in a legend. */
function legendOf(traces) {
  const strength = trace => (trace.line?.width ?? 2) * (trace.opacity ?? 1)
  const best = new Map()
  for (const trace of shownTraces(traces)) {
    if (!trace.name || trace.showlegend === false) continue
    if (!best.has(trace.name) || strength(trace) > strength(best.get(trace.name))) best.set(trace.name, trace)
  }
  return best
}

/** Number of rows of a legend so wide: if its entries do not fit in one, they stand in columns as wide as the widest. */
function rowsOf(names, width) {
  const widths = names.map(name => 45 + 7 * name.length), sum = widths.reduce((all, own) => all + own, 0)
  return sum <= width ? 1 : Math.ceil(names.length / Math.max(1, Math.floor(width / Math.max(...widths))))
}

/** The figure as a picture `width` by `height` that needs no page around it. */
export function pictured({ data, layout }, { title, settings = "" }, colors, width, height) {
  const below = settings ? wrapped(settings, Math.floor(width / 6.6)) : []
  const lines = [`<b>${plain(title)}</b>`, ...below.map(line => `<span style="font-size:13px">${plain(line)}</span>`)]
  const head = 38 + 22 * below.length
  // Legends that stand in panels of their own stay there.
  const legends = layout.legend2 ? null : legendOf(data)
  const given = { l: 8, r: 8, t: 8, b: 8, ...layout.margin }, margin = { ...given, l: Math.max(given.l, 16), r: Math.max(given.r, 16) }
  const rows = legends && legends.size > 1 ? rowsOf([...legends.keys()], width - margin.l - margin.r) : 0
  const total = height + head + 22 * rows + (rows ? 14 : 0)
  const traces = data.map(trace => ({
    ...trace, ...(trace.name && { name: plain(trace.name) }), ...(legends && { showlegend: legends.get(trace.name) === trace }),
  }))
  return {
    data: traces,
    layout: {
      ...layout, width, height: total, autosize: false, paper_bgcolor: colors.paper, uirevision: undefined,
      margin: { ...margin, t: margin.t + head, b: margin.b + 22 * rows }, font: { ...layout.font, family: FONT },
      title: { text: lines.join("<br>"), x: 12 / width, xanchor: "left", xref: "container", y: 1 - 26 / total, yanchor: "top", yref: "container",
        font: { size: 17, color: colors.text, family: FONT } },
      ...(legends && {
        showlegend: rows > 0,
        // In the container, so that it has its room below that of the axis, whose labels may be long, and not in it.
        legend: { orientation: "h", x: 0, xanchor: "left", y: 0, yanchor: "bottom", yref: "container", bgcolor: "rgba(0,0,0,0)",
          itemsizing: "constant", font: { size: 12.5, color: colors.text } },
      }),
      // What is pressed has no place in a picture.
      updatemenus: [], sliders: [],
    },
  }
}

// Files

const fileName = title => title.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "chart"

function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** Save a figure in one of the formats. `numbers` are the traces whose values are saved, where others are drawn. */
export async function save(Plotly, format, { figure, numbers = figure, about, colors, size }) {
  const name = `${fileName(about.title)}.${format}`
  if (format === "csv") return download(new Blob([numbersOf(numbers.data, numbers.layout)], { type: "text/csv" }), name)
  const width = Math.max(WIDTH, Math.round(size.width))
  // What has one scale on all sides grows with the picture; panels of curves only get wider.
  const square = figure.layout.scene || figure.layout.yaxis?.scaleanchor
  const made = pictured(figure, about, colors, width, Math.round(Math.max(size.height, square ? SQUARE * width : 0)))
  // A copy: plotly writes into the layout, of which a part is the shown chart's.
  const url = await Plotly.toImage({ data: made.data, layout: structuredClone(made.layout), config: {} }, { format, width, height: made.layout.height, scale: SCALE })
  return download(await (await fetch(url)).blob(), name)
}

let menus = 0

/** The button and its menu. The menu lies above everything, so no frame around the chart cuts it off. */
export function saveMenu(onSave) {
  const menu = element("div", { className: "chart-formats", popover: "auto", id: `chart-formats-${(menus += 1)}` },
    ...Object.entries(FORMATS).map(([format, label]) => element("button", {
      type: "button", textContent: label,
      onclick() {
        menu.hidePopover()
        onSave(format)
      },
    })))
  const button = element("button", { type: "button", className: "chart-save", textContent: "Save", ariaLabel: "Save chart", disabled: true, popoverTargetElement: menu })
  menu.ontoggle = event => {
    if (event.newState !== "open") return
    const at = button.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = menu
    const under = at.bottom + height + 4 < window.innerHeight
    menu.style.left = `${Math.max(4, Math.min(at.right, window.innerWidth - 4) - width)}px`
    menu.style.top = `${under ? at.bottom + 2 : Math.max(4, at.top - height - 2)}px`
    menu.firstElementChild.focus()
  }
  return { button, menu }
}
