// A chart in words, and the walk along its curves.

import assert from "node:assert/strict"
import test from "node:test"
import { curvesOf, moved, pointInWords, summaryOf } from "../../dashboard/components/shared/walking.js"

const LAYOUT = {
  meta: { panels: { y: "Loss", y2: "Accuracy" } }, xaxis: { title: { text: "step" } }, yaxis: {}, yaxis2: { tickformat: ".0%" },
}
const TRACES = [
  { x: [0], y: [null] },
  { name: "each step", x: [0, 10, 20], y: [2, 1.5, 0.25] },
  { name: "validation", x: [10, 20, 30], y: [null, 0.9, 0.97], yaxis: "y2" },
  { name: "band", x: [0], y: [1], hoverinfo: "skip" },
  { name: "gone", x: [0], y: [1], visible: false },
]
const CURVES = curvesOf(TRACES, LAYOUT)

test("what is a curve, and its last value in words", () => {
  assert.deepEqual(CURVES.map(curve => curve.name), ["Loss, each step", "Accuracy, validation"])
  assert.equal(summaryOf("#1 Adam", CURVES),
    "#1 Adam, chart. Last values: Loss, each step 0.25; Accuracy, validation 97.00%. Arrow keys walk along the curves.")
  assert.equal(summaryOf("Empty", []), "Empty, chart")
  assert.match(summaryOf("Many", Array(14).fill(CURVES[0])), /; and 2 more\. /)
  assert.equal(pointInWords(CURVES[1], 1), "Accuracy, validation: 90.00% at step 20")
})

test("a nameless curve has its axis's title", () => {
  const [curve] = curvesOf([{ x: [1], y: [0.5], name: "trace 0" }], { yaxis: { title: "loss" } })
  assert.equal(pointInWords(curve, 0), "loss: 0.5 at x 1")
})

test("a point is where it truly is, and none of a whole number's digits is left out", () => {
  const [curve] = curvesOf([{ name: "smoothed", x: [1, 12346, 12347.3, 3e20], y: [1, 1, 60000, 12345.6], meta: { x: [0, 12345, 12346.3, 3e20] } }],
    { meta: { x: "step" }, xaxis: { title: "step, counted from 1" }, yaxis: {} })
  assert.deepEqual([0, 1, 2, 3].map(i => pointInWords(curve, i)), [
    "smoothed: 1 at step 0", "smoothed: 1 at step 12,345", "smoothed: 60,000 at step 12,346", "smoothed: 12,346 at step 300000000000000000000"])
  assert.deepEqual(curvesOf([{ x: [1], y: [2], meta: { y: [] } }], { yaxis: {} }), [])
})

test("keys begin at the last point of the first curve and stay within it", () => {
  const first = moved("ArrowLeft", null, CURVES)
  assert.deepEqual(first, { curve: 0, point: 2 })
  assert.deepEqual(moved("ArrowLeft", first, CURVES), { curve: 0, point: 1 })
  assert.deepEqual(moved("ArrowRight", first, CURVES), first)
  assert.deepEqual(moved("Home", first, CURVES), { curve: 0, point: 0 })
  assert.deepEqual(moved("End", { curve: 1, point: 0 }, CURVES), { curve: 1, point: 1 })
  assert.equal(moved("a", first, CURVES), null)
  assert.equal(moved("ArrowLeft", null, []), null)
})

test("up and down lead to the same place of another curve", () => {
  // Point 0 of the second curve is its first without a gap, at step 20.
  assert.deepEqual(moved("ArrowDown", { curve: 0, point: 2 }, CURVES), { curve: 1, point: 0 })
  assert.deepEqual(moved("ArrowUp", { curve: 1, point: 1 }, CURVES), { curve: 0, point: 2 })
  assert.deepEqual(moved("ArrowDown", { curve: 7, point: 3 }, CURVES), { curve: 0, point: 2 })
})
