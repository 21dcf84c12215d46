// Python's data unpacked into a scene: the surface's heights and every path as typed arrays.

import { floats, rows } from "../../shared/arrays.js"
import { short } from "../../shared/format.js"
import { spaced } from "../../shared/series.js"
import { rangeOf } from "../levels.js"

const QUANTITIES = ["x", "y", "gap", "slope", "distance", "reach"]

/** A path: one Float32Array per quantity; `end`, the last step at which it still exists; `key`, by which it is hidden;
 * `height`, f at each step. */
function unpackPath(path, steps, minimum) {
  const parts = rows(floats(path.data), QUANTITIES.length)
  const unpacked = { ...path, ...Object.fromEntries(QUANTITIES.map((name, i) => [name, parts[i]])) }
  unpacked.end = path.diverged >= 0 ? path.diverged : steps
  unpacked.key = path.optimizer
  unpacked.height = Array.from(unpacked.gap, gap => gap + minimum)
  return unpacked
}

export function unpack(data) {
  const { surface } = data
  const [xLow, xHigh, yLow, yHigh] = surface.domain
  const grid = ({ n, z }) => ({ x: spaced(xLow, xHigh, n), y: spaced(yLow, yHigh, n), z: rows(floats(z), n) })
  const fine = grid(surface.fine), coarse = grid(surface.coarse)
  const paths = data.paths.map(path => unpackPath(path, data.steps, surface.minimum))
  const heightened = { ...surface, heightName: "f", fine, coarse, ...rangeOf(floats(surface.coarse.z)) }
  return { ...data, id: surface.id, names: ["x", "y"], surface: heightened, paths }
}

/** The function, where it is drawn and where walks start, in words. */
export function placeInWords({ surface: { formula, domain }, starts }) {
  const [xLow, xHigh, yLow, yHigh] = domain.map(short), points = starts.map(start => `(${start.map(short).join(", ")})`)
  return `f(x, y) = ${formula} · x from ${xLow} to ${xHigh}, y from ${yLow} to ${yHigh} · ` +
    `start${points.length > 1 ? "s" : ""} ${points.join(", ")}`
}
