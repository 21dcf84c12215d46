// The points of a figure's traces as they are, however a kind of trace keeps them and wherever they are drawn. Pure.
//
// What is drawn is not always what is so: a value may be clipped at the axis's edge, a logarithm stand for its number. A
// trace's `meta` then has the true `x`, `y` or `z`, and by an axis's label the true values of parallel coordinates. A layout's
// `meta` has the names of the panels, by axis, and the names of `x`, `y` and `z` where a title is none. A trace whose `meta` is
// text is a part of a line.

const isShown = trace => trace.visible !== false && trace.visible !== "legendonly"

/** The panel of a trace: what the layout's `meta` calls it, or its axis's title where there are several. */
export function panelOf(trace, layout) {
  const axis = trace.yaxis ?? "y", named = layout.meta?.panels?.[axis]
  if (named !== undefined) return named
  return layout.yaxis2 ? nameOf(layout, axis) : ""
}

const titleOf = axis => (typeof axis?.title === "string" ? axis.title : axis?.title?.text ?? "").replace(/<[^>]*>/g, " ")

/** What an axis of a figure is called, as in `x` or `y2`; "" for one without a name. */
export const nameOf = (layout, axis) => layout.meta?.[axis] ?? titleOf(layout[axis.replace(/^[xy]/, "$&axis")])

/** A trace's name; plotly calls one without a name "trace 0". */
export const seriesOf = ({ name }) => (name && !/^trace \d+$/.test(name) ? name : "")

/** A trace's true values along an axis. */
export const trueOf = (trace, axis) => trace.meta?.[axis] ?? trace[axis]

/** The `meta` of a trace that only repeats points of others. */
export const REPEATED = { x: [], y: [], z: [] }

/** All points of a trace as `[x, y, z]`, without gaps; `z` is undefined in a plane. */
export function pointsOf(trace) {
  const [x, y, z] = ["x", "y", "z"].map(axis => trueOf(trace, axis))
  if (trace.type === "image") {
    const { x0 = 0, dx = 1, y0 = 0, dy = 1, customdata } = trace
    return grid(customdata ?? z, j => x0 + j * dx, i => y0 + i * dy, cell => [...cell].join(", "))
  }
  if (z?.length && z[0]?.length !== undefined) return grid(z, j => x?.[j] ?? j, i => y?.[i] ?? i, cell => cell)
  return Array.from(y ?? [], (value, i) => [x?.[i] ?? i, value, z?.[i]]).filter(([, value]) => value !== null && !Number.isNaN(value))
}

const grid = (rows, x, y, read) => Array.from(rows, (row, i) => Array.from(row, (cell, j) => [x(j), y(i), read(cell)])).flat()

/** The traces of a figure that show something of their own: not the marks of another one, nor what keeps an axis whole. */
export const shownTraces = traces => traces.filter(trace => isShown(trace) && trace.name !== "beyond the axis" && !trace.uid?.endsWith("-beyond"))
