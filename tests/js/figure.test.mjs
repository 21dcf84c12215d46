// The figure of one run.

import assert from "node:assert/strict"
import test from "node:test"
import { layout, scalesOf, traces } from "../../dashboard/components/chart/figure.js"
import { apply, newRun } from "../../dashboard/components/chart/run.js"
import { numbersOf } from "../../dashboard/components/shared/saving.js"
import { curvesOf, pointInWords } from "../../dashboard/components/shared/walking.js"

test("a run whose steps came after the smoothing is drawn all the same", () => {
  const view = { unit: "step", log: false, logX: false, width: 600 }
  const colors = { series: ["#000", "#111", "#222"] }
  const run = newRun("a")
  apply(run, { seq: 0, event: "RunStarted", steps: 3, steps_per_epoch: 3, epochs: 1, train_images: 192 })
  apply(run, { seq: 1, event: "StepsDone", step: 2, steps: [0, 1], losses: [2.3, 2.1], means: [2.3, 2.1], learning_rates: [0.1, 0.1],
    images_per_second: 100 })
  const scales = scalesOf([run], view), drawn = traces([run], view, colors, scales, layout([run], view, colors, scales))
  assert.deepEqual(drawn.find(trace => trace.uid === "raw").y, [2.3, 2.1])
  assert.deepEqual(drawn.find(trace => trace.uid === "smooth").y, [])
})

test("on a logarithmic axis steps are drawn counted from 1, as its title and hover say, and told as they are", () => {
  const view = { unit: "step", logX: true, width: 600 }, colors = { series: ["#000", "#111", "#222"] }
  const run = newRun("a")
  apply(run, { seq: 0, event: "RunStarted", steps: 20000, steps_per_epoch: 2000, epochs: 10, train_images: 60000 })
  apply(run, { seq: 1, event: "StepsDone", step: 12346, steps: [0, 1, 12345], losses: [2.3, 2.1, 0.1], means: [2.3, 2.1, 0.1],
    learning_rates: [0.1, 0.1, 0.1], images_per_second: 100 })
  const scales = scalesOf([run], view), drawn = layout([run], view, colors, scales)
  const raw = () => traces([run], view, colors, scales, drawn)[0], words = curvesOf([raw()], drawn)[0]
  assert.deepEqual(raw().x, [1, 2, 12346])
  assert.deepEqual(numbersOf([raw()], drawn).split("\n").slice(0, 4), ["panel,series,step,value", "Loss,each step,0,2.3", "Loss,each step,1,2.1", "Loss,each step,12345,0.1"])
  assert.equal(pointInWords(words, 2), "Loss, each step: 0.1 at step 12,345")
  assert.deepEqual([drawn.xaxis.title.text, drawn.xaxis.unifiedhovertitle.text], ["step, counted from 1", "step %{x:,d}, counted from 1"])
  view.unit = "epoch"
  assert.deepEqual([raw().meta, raw().x[2]], [undefined, 12345 / 2000])
  view.logX = false
  assert.deepEqual([raw().meta, layout([run], view, colors, scales).xaxis.title.text], [undefined, "epoch"])
})

test("on a logarithmic axis a divergence stands where its step is drawn", () => {
  const view = { unit: "step", logX: true, width: 600 }, colors = { series: ["#000", "#111", "#222"] }
  const run = newRun("a")
  apply(run, { seq: 0, event: "RunStarted", steps: 3, steps_per_epoch: 3, epochs: 1, train_images: 192 })
  apply(run, { seq: 1, event: "StepsDone", step: 0, steps: [0], losses: [2.3], means: [2.3], learning_rates: [0.1], images_per_second: 100 })
  run.diverged = { step: 0 }
  const scales = scalesOf([run], view), drawn = layout([run], view, colors, scales)
  assert.deepEqual(traces([run], view, colors, scales, drawn)[0].x, [1])
  assert.equal(drawn.shapes[0].x0, 1)
  assert.equal(drawn.annotations.find(note => note.text === "diverged").x, 0)
})

test("the axis begins where the run does, also in the middle of another one's", () => {
  const colors = { series: ["#000", "#111", "#222"] }, run = newRun("a")
  apply(run, { seq: 0, event: "RunStarted", steps: 300, steps_per_epoch: 100, epochs: 3, train_images: 6400 })
  apply(run, { seq: 1, event: "StepsDone", step: 202, steps: [200, 201], losses: [1, 1], means: [1, 1], learning_rates: [0.1, 0.1], images_per_second: 100 })
  const range = view => {
    const all = { log: false, width: 600, ...view }
    return layout([run], all, colors, scalesOf([run], all)).xaxis.range
  }
  assert.deepEqual(range({ unit: "step", logX: false }), [200, 301])
  assert.deepEqual(range({ unit: "epoch", logX: false }), [2, 3.01])
  // A logarithmic axis has a factor of ten at least.
  assert.deepEqual(range({ unit: "step", logX: true }).map(end => Math.round(10 ** end)), [30, 315])
  run.steps.unshift(0)
  assert.deepEqual(range({ unit: "step", logX: false }), [0, 303])
})
