// The points of a figure's traces, however a kind of trace keeps them. Pure.

const isShown = trace => trace.visible !== false && trace.visible !== "legendonly"

/** The panel of a trace: what the layout's `meta` calls it, or its axis's title where there are several. */
export function panelOf(trace, layout) {
  const axis = trace.yaxis ?? "y", named = layout.meta?.panels?.[axis]
  if (named !== undefined) return named
  return layout.yaxis2 ? titleOf(layout[axis.replace("y", "yaxis")]) : ""
}

export const titleOf = axis => (typeof axis?.title === "string" ? axis.title : axis?.title?.text ?? "")

/** A curve's values as they are: where it was clipped at the axis's edge, its hover has them. */
export const valuesOf = trace => (trace.hovertemplate?.startsWith?.("%{customdata") ? trace.customdata : trace.y)

/** All points of a trace as `[x, y, z]`, without gaps; `z` is undefined in a plane. */
export function pointsOf(trace) {
  const { x, y, z } = trace
  if (trace.type === "image") {
    const { x0 = 0, dx = 1, y0 = 0, dy = 1, customdata } = trace
    return grid(customdata ?? z, j => x0 + j * dx, i => y0 + i * dy, cell => [...cell].join(", "))
  }
  if (z?.length && z[0]?.length !== undefined) return grid(z, j => x?.[j] ?? j, i => y?.[i] ?? i, cell => cell)
  const values = valuesOf(trace) ?? []
  return Array.from(values, (value, i) => [x?.[i] ?? i, value, z?.[i]]).filter(([, value]) => value !== null && !Number.isNaN(value))
}

const grid = (rows, x, y, read) => Array.from(rows, (row, i) => Array.from(row, (cell, j) => [x(j), y(i), read(cell)])).flat()

/** The traces of a figure that show something of their own: not the marks of another one, nor what keeps an axis whole. */
export const shownTraces = traces => traces.filter(trace => isShown(trace) && trace.name !== "beyond the axis" && !trace.uid?.endsWith("-beyond"))
