// What Python sends, unpacked: the surface's heights and every path as typed arrays.

const QUANTITIES = ["x", "y", "gap", "slope", "distance", "reach"]

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}

function rows(values, count) {
  const width = values.length / count
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width))
}

/** A path: one Float32Array a quantity, and `end`, the last step at which it still exists. */
function unpackPath(path, steps) {
  const parts = rows(floats(path.data), QUANTITIES.length)
  const unpacked = { ...path, ...Object.fromEntries(QUANTITIES.map((name, i) => [name, parts[i]])) }
  unpacked.end = path.diverged >= 0 ? path.diverged : steps
  return unpacked
}

export function unpack(data) {
  const { surface } = data
  const [xLow, xHigh, yLow, yHigh] = surface.domain
  const axis = (low, high, n) => Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1))
  const grid = ({ n, z }) => ({ x: axis(xLow, xHigh, n), y: axis(yLow, yHigh, n), z: rows(floats(z), n) })
  const fine = grid(surface.fine), coarse = grid(surface.coarse)
  const finite = coarse.z.flatMap(row => [...row]).filter(Number.isFinite)
  const low = Math.min(...finite), high = Math.max(...finite)
  const paths = data.paths.map(path => unpackPath(path, data.steps))
  return { ...data, surface: { ...surface, fine, coarse, low, high }, paths }
}

/** Where a walk stands at a cursor that may lie between two steps. */
export function at(path, cursor) {
  const between = values => {
    if (cursor >= path.end) return values[path.end]
    const i = Math.floor(cursor)
    return values[i] + (values[i + 1] - values[i]) * (cursor - i)
  }
  return { x: between(path.x), y: between(path.y) }
}
