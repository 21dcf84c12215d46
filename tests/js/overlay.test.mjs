// Several runs in one picture, and their ranking.

import assert from "node:assert/strict"
import test from "node:test"
import { overlayTraces, panels } from "../../dashboard/components/chart/overlay.js"
import { ranked, timeLeft } from "../../dashboard/components/chart/ranking.js"
import { apply, newRun } from "../../dashboard/components/chart/run.js"

const VIEW = { unit: "step", logX: false, gap: false }

/** A line of one run of an epoch; `accuracy` is that of validation, null without a split. */
function line(name, accuracy, trainAccuracy, trainLoss) {
  const run = newRun(name)
  apply(run, { seq: 0, event: "RunStarted", steps: 2, steps_per_epoch: 2, epochs: 1, train_images: 128 })
  apply(run, { seq: 1, event: "StepsDone", step: 1, steps: [0, 1], losses: [2, trainLoss], means: [2, trainLoss], learning_rates: [0.1, 0.1],
    images_per_second: 100 })
  apply(run, { seq: 2, event: "EpochDone", epoch: 0, step: 1, train_loss: trainLoss, train_accuracy: trainAccuracy, seconds: 1,
    validation_loss: accuracy === null ? null : 0.1, validation_accuracy: accuracy })
  return { name, runs: [name], members: [run], color: "#000000" }
}

const accuracies = lines => overlayTraces(lines, VIEW, [-Infinity, Infinity], Infinity, { accuracy: Infinity, loss: Infinity, rate: Infinity })
  .filter(trace => /accuracy$/i.test(trace.uid ?? "") && trace.y.some(Boolean)).map(trace => [trace.name, trace.y])
const title = lines => panels(VIEW, lines).find(panel => panel.name === "accuracy").title

test("the accuracy of training does not stand among those of validation", () => {
  const lines = [line("a run that learned by heart", null, 0.99, 0.01), line("validated", 0.97, 0.98, 0.05)]
  assert.deepEqual(ranked(lines).map(({ line: { name }, accuracy }) => [name, accuracy]),
    [["validated", [0.97]], ["a run that learned by heart", []]])
  assert.equal(title(lines), "Validation accuracy")
  assert.deepEqual(accuracies(lines), [["validated", [0.97]]])
})

test("where no run has validation, the panel shows the accuracy of training and says so", () => {
  const lines = [line("fast", null, 0.9, 0.3), line("slow", null, 0.8, 0.2)]
  assert.deepEqual(ranked(lines).map(each => each.line.name), ["slow", "fast"])
  assert.equal(title(lines), "Training accuracy")
  assert.deepEqual(accuracies(lines), [["fast", [0.9]], ["slow", [0.8]]])
  assert.equal(title([]), "Validation accuracy")
})

test("steps drawn counted from 1 are told as they are", () => {
  const edges = { loss: 1, accuracy: Infinity, rate: Infinity }
  const drawn = overlayTraces([line("a", 0.97, 0.98, 0.05)], { ...VIEW, logX: true }, [-Infinity, Infinity], Infinity, edges)
  const [curve] = drawn.filter(trace => trace.uid === "a-raw"), [rate] = drawn.filter(trace => trace.uid === "a-rate")
  assert.deepEqual([curve.x, curve.y, curve.meta], [[1, 2], [1, 0.05], "each step"])
  assert.deepEqual([rate.x, rate.meta], [[1, 2], { x: [0, 1] }])
})

test("the time left of several runs counts those that wait in full", () => {
  // 1,000 steps of 10 images, 1,000 images per second: ten seconds a run.
  const size = { steps: 1000, steps_per_epoch: 100, train_images: 1000 }
  const run = (name, more) => ({ name, members: [Object.assign(newRun(name), more)] })
  const training = (name, step) => run(name, { state: "running", size, speed: 1000, step })
  const waiting = name => run(name, { state: "queued", step: 0 })
  assert.equal(timeLeft([waiting("a"), waiting("b")]), null)
  assert.equal(timeLeft([training("a", 800), training("b", 900), waiting("c"), waiting("d")]), (2 + 1 + 10 + 10) / 2)
  assert.equal(timeLeft([training("a", 0), training("b", 900)]), 10)
  // Nobody trains yet, but what is finished says how long a run takes.
  assert.equal(timeLeft([run("a", { state: "finished", seconds: 8 }), run("b", { state: "stopped", seconds: 1 }), waiting("c")]), 8)
  assert.equal(timeLeft([run("a", { state: "finished", seconds: 8 })]), null)
})
