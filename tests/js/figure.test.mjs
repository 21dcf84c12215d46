// The figure of one run.

import assert from "node:assert/strict"
import test from "node:test"
import { layout, scalesOf, traces } from "../../dashboard/components/chart/figure.js"
import { apply, newRun } from "../../dashboard/components/chart/run.js"

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
