// Scales against exact values: what decides an axis, and what does not.

import assert from "node:assert/strict"
import test from "node:test"
import { accuracyScale, arrows, clipped, decades, edgeOf, gapScale, lastStep, logTicks, lossScale, marksBeyond, rateScale, sparkline,
  sparkScale, topOf } from "../../dashboard/components/shared/scales.js"

const near = (actual, expected) => {
  assert.equal(actual.length, expected.length)
  actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-9, `${actual} is not ${expected}`))
}
const falling = Array.from({ length: 200 }, (_, i) => 0.3 + 2 * Math.exp(-i / 20))
const spiked = falling.map((loss, i) => (i === 50 ? 307 : loss))
/** A run that blew up in 12 steps. */
const blown = Array.from({ length: 12 }, (_, i) => 2.3 * 5 ** i)

test("an axis begins at zero and shows the whole of an ordinary loss", () => {
  near(lossScale([[falling]], false).range, [0, 1.05 * 2.3])
  near(lossScale([[falling, [0.4, 2.5]]], false).range, [0, 1.05 * 2.5])
  // Noise of single steps that is not far above is shown too; what has no value yet counts for nothing.
  near(lossScale([[falling]], false, [[2.3, 6, null]]).range, [0, 1.05 * 6])
  assert.deepEqual(lossScale([[[], []]], false).range, [0, 2.5])
})

test("one spike does not decide the axis", () => {
  near(lossScale([[spiked]], false).range, [0, 1.05 * 2.3])
  near(lossScale([[falling]], false, [spiked]).range, [0, 1.05 * 2.3])
  near(lossScale([[spiked]], true).range, [Math.log10(0.3 + 2 * Math.exp(-198 / 20)) - 0.15, Math.log10(2.3) + 0.1])
})

test("a run that blew up leaves the others their axis", () => {
  assert.equal(topOf([[falling], [blown]]), 4 * 2.3)
  // Alone it has four times its usual height.
  assert.equal(topOf([[blown]]), 4 * 2.3 * 5 ** 6)
  assert.equal(topOf([[], []]), null)
})

test("a run that blew up in its first steps, and learned nothing then, shows what it learned nothing at", () => {
  const blind = Array.from({ length: 400 }, (_, i) => (i < 8 ? 248_000 / 4 ** i : 2.8))
  const top = 4 * 2.8
  near(lossScale([[blind, [2.95, 2.95]]], false).range, [0, 1.05 * top])
  // A high beginning of a run that learns is in the picture, up to four times the loss of guessing.
  assert.equal(topOf([[[9, ...falling]]]), 9)
  assert.equal(topOf([[[60, ...falling]]]), 4 * Math.log(10))
})

test("a run that stays high is wholly inside", () => {
  const high = Array(100).fill(5)
  near(lossScale([[falling], [high]], false).range, [0, 1.05 * 5])
})

test("what is beyond the axis is drawn at its edge, and an arrow and the hover tell the value", () => {
  const curve = { x: [0, 1, 2, 3, 4, 5], y: [1, 307.25, 8, null, 9, 1] }
  assert.deepEqual(clipped(curve, 2, ".4f"), { x: curve.x, y: [1, 2, 2, null, 2, 1], meta: { y: curve.y }, customdata: curve.y, hovertemplate: "%{customdata:.4f}" })
  assert.deepEqual(clipped(curve, 400, ".4f"), { ...curve, hovertemplate: "%{y:.4f}" })
  assert.deepEqual(marksBeyond(curve, 2), { x: [1, 4], y: [2, 2], text: ["up to 307.3", "up to 9.000"] })
  const [arrow] = arrows(curve, 2, { uid: "a", marker: { color: "#123456" } })
  assert.deepEqual([arrow.marker.symbol, arrow.marker.color, arrow.uid, arrow.text[0]], ["triangle-up", "#123456", "a", "up to 307.3"])
  assert.deepEqual(arrows(curve, 400, { marker: {} }), [])
  assert.deepEqual(marksBeyond({ x: [0], y: [1.25e8] }, 2).text, ["up to 1.25e+8"])
})

test("of many stretches beyond the edge the highest have arrows, in their order", () => {
  const y = Array.from({ length: 60 }, (_, i) => (i % 2 ? i : 0))
  assert.deepEqual(marksBeyond({ x: y, y }, 0.5).x, [37, 39, 41, 43, 45, 47, 49, 51, 53, 55, 57, 59])
})

test("the edge is the axis's end, or that of a zoom beyond it", () => {
  assert.equal(edgeOf({ type: "linear", range: [0, 3] }), 3)
  assert.equal(edgeOf({ type: "linear", range: [0, 3] }, [1, 2]), 3)
  assert.equal(edgeOf({ type: "linear", range: [0, 3] }, [0, 10]), 10)
  assert.equal(edgeOf({ type: "log", range: [-2, 0] }, [-2, 2]), 100)
})

test("the accuracy panel holds every run, also one that learned nothing", () => {
  const [low, high] = accuracyScale([[0.9, 0.97], [0.0956, 0.0956], [null, null]]).range
  near([low, high], [0.0956 - 0.1 * 0.9044, 1 + 0.03 * 0.9044])
  near(accuracyScale([]).range, [0.78, 1.006])
  near(accuracyScale([[1, 1]]).range, [0.78, 1.006])
})

test("a rate used for a moment does not squash the others", () => {
  const rates = Array(200).fill(0.01)
  near(rateScale([rates.map((rate, i) => (i === 150 ? 10 : rate))]).range, [0, 1.08 * 0.01])
  near(rateScale([rates.map((rate, i) => (i < 20 ? 0.1 : rate))]).range, [0, 1.08 * 0.1])
  near(rateScale([[...rates, 10]]).range, [0, 1.08 * 10])
  near(rateScale([rates, [0.02]]).range, [0, 1.08 * 0.02])
  assert.equal(rateScale([rates, [1]]).type, "log")
  near(rateScale([rates, [1]]).range, [-2.5, 0.5])
  assert.deepEqual(rateScale([[], [0, null]]).range, [0, 0.0012])
})

test("the axis of gaps is no larger than that of the losses", () => {
  near(gapScale([[-0.1, 0.4, null]], 3).range, [-0.1 - 0.04, 0.4 + 0.04])
  near(gapScale([[0.5, 1e8]], 3).range, [-0.24, 3.24])
  assert.deepEqual(gapScale([[null]], 3).range, [-0.1, 0.1])
})

test("an axis ends at what was trained; a long plan is shown in part while it is trained", () => {
  const size = { steps: 750_000, steps_per_epoch: 750 }
  assert.equal(lastStep({ size, step: 2000, last: 1999, over: true }), 2000)
  // Diverged: the parameters went back, the curve is longer.
  assert.equal(lastStep({ size, step: 750, last: 900, over: true }), 900)
  assert.equal(lastStep({ size, step: 0, last: undefined, over: false }), 750_000 / 64)
  assert.equal(lastStep({ size, step: 11_719, last: 11_718, over: false }), 750_000 / 32)
  assert.equal(lastStep({ size, step: 400_000, last: 399_999, over: false }), 750_000)
  assert.equal(lastStep({ size: { steps: 3750, steps_per_epoch: 750 }, step: null, over: false }), 3750)
  assert.equal(lastStep({ size: { steps: 3750, steps_per_epoch: 750 }, step: 0, over: true }), 3750)
})

test("log axes: ticks, whole decades", () => {
  assert.equal(logTicks([0, 1.2]), 3)
  assert.equal(logTicks([0, 1.3]), 4)
  const { range, dtick } = decades([[1e-4, 1], [0, 1e-20, 1e4, Infinity]])
  near(range, [-4.48, 4.48])
  assert.equal(dtick, 2)
  assert.deepEqual(decades([[1, 1]]), { nticks: 4 })
  // Under two decades whole ones would be one tick, or none.
  assert.deepEqual(decades([[3, 8]]).dtick, undefined)
  assert.equal(decades([[3, 8]]).nticks, 3)
})

test("small curves of a table share one scale", () => {
  const nothing = Array(32).fill(2.302), learned = Array.from({ length: 32 }, (_, i) => 2.3 * 0.9 ** i)
  const scale = sparkScale([nothing, learned])
  near(scale, [-1.25, 0.5])
  const heights = curve => sparkline(curve, 92, 24, scale).map(([, y]) => y)
  // The run that learned nothing stays where the other began.
  assert.ok(Math.max(...heights(nothing)) < 5 && Math.min(...heights(nothing)) > 2)
  assert.ok(heights(learned).at(-1) > 19)
  // Alone it has a decade, not its noise; a spike and a run without a loss take nothing away.
  near(sparkScale([nothing]), [-0.5, 0.5])
  near(sparkScale([nothing, learned, blown, [], [null]]), [-1.25, 1])
  assert.deepEqual(sparkScale([]), [0, 1])
})

test("a small curve: logarithmic height, gaps left out, held inside its box", () => {
  const points = sparkline([1, 0.1, null, 0.01, 1e9, 0], 12, 24, [-2, 0])
  near(points.flat(), [1, 2, 3, 12, 7, 22, 9, 2, 11, 22])
  assert.deepEqual(sparkline([1], 92, 24, [0, 1]), [])
})
