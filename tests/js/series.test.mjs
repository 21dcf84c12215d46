// Arithmetic of curves against exact values, and against slow and plain computations.

import assert from "node:assert/strict"
import test from "node:test"
import { extentOf, heldAt, known, meanAndBand, smooth, spaced, thin, valueAt } from "../../dashboard/components/shared/series.js"

const near = (actual, expected, tolerance = 1e-12) => assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`)

test("smoothing is the exponential mean divided by 1 - share^t", () => {
  // The plain definition, and its values written out: a loss that falls to 0.3, and an outlier at the first step.
  const falling = Array.from({ length: 200 }, (_, i) => (i ? 0.3 + 2.05 * Math.exp(-i / 3) : 2.35))
  const outlier = falling.map((_, i) => (i ? 1 : 10))
  const exact = [
    [falling, 0.9, { 1: 2.0441522035138253, 20: 0.436137150719303, 100: 0.3000267113438374 }],
    [falling, 0.99, { 1: 2.0579845159177226, 20: 0.6186550417478212, 100: 0.3426023482710482 }],
    [outlier, 0.99, { 0: 10, 1: 5.477386934673366, 100: 1.0516647820317626 }],
  ]
  for (const [values, share, at] of exact) {
    const smoothed = smooth(values.map((_, i) => i), values, share)
    for (const [i, value] of Object.entries(at)) near(smoothed[i], value)
    let moving = 0
    values.forEach((value, i) => {
      moving = share * moving + (1 - share) * value
      near(smoothed[i], moving / (1 - share ** (i + 1)))
    })
  }
})

test("smoothing forgets by the steps between two points", () => {
  const values = [5, 5, 5, 2, 2, 2]
  const every = smooth([0, 1, 2, 3, 4, 5], values, 0.8), thinned = smooth([2, 5], [5, 2], 0.8)
  // A run's first point counts as one step, as where it begins at another's checkpoint.
  near(thinned[1], (0.2 * 0.8 ** 3 * 5 + (1 - 0.8 ** 3) * 2) / (0.2 * 0.8 ** 3 + 1 - 0.8 ** 3))
  near(smooth([0, 1, 2, 5], [5, 5, 5, 2], 0.8)[3], every[5])
})

test("smoothing leaves a constant as it is, and nothing at a share of 0", () => {
  assert.deepEqual(smooth([0, 1, 2], [2, 2, 2], 0.9).map(value => Number(value.toFixed(12))), [2, 2, 2])
  assert.deepEqual(smooth([0, 1, 2], [1, 5, 3], 0), [1, 5, 3])
})

test("a gap stays a gap, a step that comes again counts once", () => {
  assert.deepEqual(smooth([0, 1, 2], [1, null, 3], 0.5), [1, null, (0.25 * 0.5 * 1 + 0.75 * 3) / (0.25 * 0.5 + 0.75)])
  assert.deepEqual(smooth([0, 1, 1], [1, 3, 100], 0.5), [1, 1.75 / 0.75, 1.75 / 0.75])
})

test("thinning keeps the extremes of each part, their order, and a gap", () => {
  const x = spaced(0, 99, 100), y = x.map(value => (value === 42 ? 1000 : value === 43 ? null : value === 77 ? -1000 : value % 10))
  const thinned = thin(x, y, [0, 99], 5)
  assert.ok(thinned.x.length <= 3 * 5)
  assert.deepEqual(thinned.x, [...thinned.x].sort((a, b) => a - b))
  for (const place of [42, 43, 77]) assert.ok(thinned.x.includes(place))
  thinned.x.forEach((place, i) => assert.equal(thinned.y[i], y[place]))
})

test("what has room is not thinned; outside the range only the neighbours stay", () => {
  assert.deepEqual(thin([0, 1, 2], [5, 6, 7], [0, 2], 2), { x: [0, 1, 2], y: [5, 6, 7] })
  assert.deepEqual(thin([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [1.5, 3.5], 10).x, [1, 2, 3, 4])
})

test("a value between two points is on the straight line", () => {
  assert.equal(valueAt([0, 10, 20], [0, 100, 0], 5), 50)
  assert.equal(valueAt([0, 10, 20], [0, 100, 0], 10), 100)
  assert.equal(valueAt([0, 10, 20], [0, 100, 0], 20), 0)
  assert.equal(valueAt([0, 10], [0, 1], -1), null)
  assert.equal(valueAt([0, 10], [0, 1], 11), null)
  assert.equal(valueAt([], [], 0), null)
})

test("a point beside a gap is known, and nothing in the gap is", () => {
  const values = [0, 0.5, 1, 1.5, 2].map(at => valueAt([0, 1, 2], [1, null, 5], at))
  assert.deepEqual(values, [1, null, null, null, 5])
  // Of two points at one place, a gap's and a known one.
  assert.deepEqual([0, 1, 2].map(at => valueAt([0, 1, 1, 2], [1, null, 3, 5], at)), [1, 3, 5])
})

test("a curve that is held stands still beyond its ends", () => {
  assert.deepEqual([-1, 0, 1, 2, 5].map(at => heldAt([0, 2], [10, 20], at)), [10, 10, 15, 20, 20])
  assert.deepEqual([-1, 0, 1, 2].map(at => heldAt([0, 1, 2], [null, 1, null], at)), [null, null, 1, null])
  assert.equal(heldAt([3], [7], 0), 7)
  assert.equal(heldAt([], [], 0), null)
})

test("mean and band are over the curves that reach the place", () => {
  const curves = [{ x: [0, 2], y: [0, 2] }, { x: [0, 1], y: [4, 6] }, { x: [5], y: [9] }]
  assert.deepEqual(meanAndBand(curves, [0, 1, 2, 3]), { x: [0, 1, 2], y: [2, 3.5, 2], low: [0, 1, 2], high: [4, 6, 2] })
})

test("extent and known values pass over gaps", () => {
  assert.deepEqual(extentOf([3, null, NaN, -1, Infinity]), [-1, 3])
  assert.deepEqual(extentOf([]), [Infinity, -Infinity])
  assert.deepEqual(extentOf(new Float32Array(500_000).fill(2)), [2, 2])
  assert.deepEqual(known([1, null, undefined, NaN, 0]), [1, 0])
})
