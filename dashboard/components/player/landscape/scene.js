// Python's data unpacked into a scene as the players' figures know it, with the moments of all runs as its steps.

import { floats, rows } from "../../shared/arrays.js"
import { heldAt, spaced } from "../../shared/series.js"
import { rangeOf } from "../levels.js"

const POINT_QUANTITIES = ["epochs", "a", "b", "distance", "truth", "shown", "accuracy"]
/** Lower losses are drawn as this one: the logarithm of 0 has no height. */
const LOWEST_LOSS = 1e-6

/** The quantities that can be the surface's height. */
export const VIEWS = {
  log: { read: data => data.loss.map(value => Math.log10(Math.max(value, LOWEST_LOSS))), caption: "of the loss, logarithmic",
    name: "loss", ofPath: path => path.onPlane },
  loss: { read: data => data.loss, caption: "of the loss", name: "loss", ofPath: path => path.onPlane },
  accuracy: { read: data => data.accuracy.map(value => 100 * value), caption: "of the accuracy, %",
    name: "accuracy, %", ofPath: path => path.accuracy.map(value => 100 * value) },
}

/** A point at less than this share of the largest distance lies on the plane: what is left is rounding. */
const ON_PLANE = 1e-4

/** True for a distance that is off the plane; `rail`: the largest, 0 where every point is drawn on the plane. */
export const isOff = (distance, rail) => rail > 0 && distance > ON_PLANE * rail

/** The run's points; a model has one and no time. */
function pointsIn(path) {
  const parts = rows(floats(path.points), POINT_QUANTITIES.length)
  const curve = rows(floats(path.curve), 2)
  return { ...path, key: path.item, known: Object.fromEntries(POINT_QUANTITIES.map((name, i) => [name, parts[i]])),
    curve: { epochs: curve[0], loss: curve[1] } }
}

/** The path at the moments of all runs: straight between its points, which is what a plane makes of a straight way. */
function atMoments(path, moments, rail) {
  const { known } = path, last = known.epochs[known.epochs.length - 1]
  const series = values => Float32Array.from(moments, epoch => heldAt(known.epochs, values, epoch))
  const end = path.model ? 0 : moments.findLastIndex(epoch => epoch <= last)
  const distance = series(known.distance), off = Array.from(distance, value => isOff(value, rail))
  // A point off the plane has no place on it: a gap there.
  const place = values => series(values).map((value, i) => (off[i] ? NaN : value))
  return { ...path, x: place(known.a), y: place(known.b), distance, off, truth: series(known.truth),
    onPlane: series(known.shown), accuracy: series(known.accuracy), end, left: -1, diverged: -1 }
}

export function unpack(data) {
  const paths = data.paths.map(pointsIn)
  const epochs = new Set(paths.filter(path => !path.model).flatMap(path => [...path.known.epochs]))
  const moments = [...epochs].sort((p, q) => p - q)
  if (!moments.length) moments.push(0)
  // The length of the rail on which points off the plane stand; 0 for a plane on which every point has a place.
  const rail = data.rail ? Math.max(0, ...paths.flatMap(path => [...path.known.distance])) : 0
  return { ...data, loss: floats(data.loss), accuracy: floats(data.accuracy), moments, steps: moments.length - 1, starts: [], rail,
    paths: paths.map(path => atMoments(path, moments, rail)), live: data.live ?? null }
}

/** The scene's surface, and its paths, with a quantity as their height. */
export function heighten(scene, view) {
  const { domain, n } = scene, [xLow, xHigh, yLow, yHigh] = domain
  const heights = VIEWS[view].read(scene)
  const grid = { x: spaced(xLow, xHigh, n), y: spaced(yLow, yHigh, n), z: rows(heights, n) }
  scene.surface = { domain, minima: [], minimum: 0, log: view === "log", heightName: VIEWS[view].name, fine: grid, coarse: grid,
    ...rangeOf(heights) }
  for (const path of scene.paths) path.height = VIEWS[view].ofPath(path)
}

/** An epoch of the scene as text: two decimals, or as many as runs need that stopped soon after their start. */
export function epochText({ moments }, epoch) {
  const last = moments.at(-1)
  return epoch.toFixed(last > 0 ? Math.max(2, 1 - Math.floor(Math.log10(last))) : 2)
}

/** The cursor at an epoch. */
export function cursorAt({ moments, steps }, epoch) {
  const next = moments.findIndex(moment => moment >= epoch)
  if (next < 0) return steps
  if (next === 0) return 0
  return next - (moments[next] - epoch) / (moments[next] - moments[next - 1])
}

/** The epoch at a cursor, which may lie between two moments. */
export function momentAt(scene, cursor) {
  const i = Math.floor(cursor), { moments } = scene
  return i >= scene.steps ? moments[scene.steps] : moments[i] + (moments[i + 1] - moments[i]) * (cursor - i)
}
