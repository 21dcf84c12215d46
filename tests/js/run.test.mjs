// What the browser makes of a run's events, against core's own fold.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import test from "node:test"
import { apply, imagesPerStep, isOver, isSettled, isStale, newRun, placeOf, secondsLeft, trainingLoss } from
  "../../dashboard/components/chart/run.js"

const LOGS = new URL("../fixtures/event_logs.json", import.meta.url)
const logs = JSON.parse(readFileSync(LOGS, "utf8"))

/** A run after messages, as the fixture tells it. */
function folded(messages) {
  const run = newRun("run")
  for (const message of messages) apply(run, message)
  const { epochs } = run
  return {
    steps: run.steps, losses: run.losses, learning_rates: run.rates, step: run.step ?? 0, diverged: run.diverged?.step ?? null,
    test_accuracy: run.test?.accuracy ?? null, seconds: run.seconds,
    train_loss: trainingLoss(run),
    epochs: epochs.step.map((step, i) => ({
      epoch: step / run.size.steps_per_epoch - 1, step, train_loss: epochs.trainLoss[i], train_accuracy: epochs.trainAccuracy[i],
      validation_loss: epochs.loss[i], validation_accuracy: epochs.accuracy[i], seconds: epochs.ended[i] - (epochs.ended[i - 1] ?? 0),
    })),
  }
}

for (const { name, messages, expected } of logs) {
  test(`event log: ${name}`, () => {
    const actual = folded(messages)
    for (const [key, value] of Object.entries(actual)) assert.deepEqual(value, expected[key], key)
    // A message that comes again changes nothing.
    assert.deepEqual(folded(messages.flatMap(message => [message, message])), actual)
  })
}

const running = (changes = {}) => ({
  ...newRun("run"), state: "running", size: { steps: 100, steps_per_epoch: 10, train_images: 640, epochs: 10 }, speed: 320, step: 20, ...changes,
})

test("seconds left at the present speed", () => {
  assert.equal(imagesPerStep(running()), 64)
  assert.equal(secondsLeft(running()), (80 * 64) / 320)
  assert.equal(secondsLeft(running({ speed: null })), null)
  assert.equal(secondsLeft(running({ step: null })), null)
  assert.equal(secondsLeft(running({ size: null })), null)
})

test("seconds left count the reading of the validation images, as the latest epochs took it", () => {
  const after = ended => running({ epochs: { ...newRun("run").epochs, ended } })
  // An epoch's 640 training images take 2 s at the present speed.
  assert.equal(secondsLeft(after([8])), 8 * 8)
  assert.equal(secondsLeft(after([100, 104, 110])), 8 * (110 / 3))
  assert.equal(secondsLeft(after([100, 104, 108, 112, 116, 120])), 8 * 4)
})

test("places on the axis: steps, epochs, seconds", () => {
  const run = running({ epochs: { ...newRun("run").epochs, ended: [2, 5] } })
  assert.equal(placeOf(run, "step")(17), 17)
  assert.equal(placeOf(run, "epoch")(17), 1.7)
  const time = placeOf(run, "time")
  // Within an epoch that is over its steps are equally quick; after it, the present speed counts: 0.2 s a step.
  assert.deepEqual([0, 5, 10, 15, 20, 25].map(time), [0, 1, 2, 3.5, 5, 6])
  assert.equal(placeOf(running({ size: null }), "time")(7), 7)
})

test("a run that left another one begins at that one's step, and its seconds with its own epochs", () => {
  // It left after 20 steps of 10 an epoch, and has 5 steps an epoch itself.
  const size = { steps: 25, steps_per_epoch: 5, train_images: 640, epochs: 5 }
  const run = running({ size, step: 13, shift: 10, steps: [10, 11, 12], epochs: { ...newRun("run").epochs, ended: [2] } })
  assert.equal(placeOf(run, "step")(10), 20)
  assert.equal(placeOf(run, "epoch")(10), 2)
  assert.deepEqual([10, 15].map(placeOf(run, "time")), [0, 2])
})

test("over and settled states", () => {
  assert.deepEqual(["queued", "running", "paused", "finished", "unknown"].map(state => isOver({ state })), [false, false, false, true, true])
  assert.equal(isSettled({ state: "paused" }), true)
  assert.equal(isSettled({ state: "running" }), false)
})

test("a page is stale once a run is in another state than it was drawn with, and not while its events still come", () => {
  const run = { ...newRun("run"), drawn: { state: "finished", seq: 4 } }
  const state = (seq, value) => apply(run, { event: "State", seq, state: value })
  const stale = []
  for (const [seq, value] of [[0, "running"], [1, "paused"], [2, "running"], [4, "finished"]]) {
    state(seq, value)
    stale.push(isStale(run))
  }
  assert.deepEqual(stale, [false, false, false, false])
  // Someone goes on with it, and it ends in the same state as before.
  state(5, "running")
  assert.equal(isStale(run), true)
  state(9, "finished")
  assert.equal(isStale(run), true)
  run.drawn = { state: "finished", seq: 9 }
  assert.equal(isStale(run), false)
})

test("one step of a paused run makes the page stale, whichever drawing of it came between", () => {
  const run = { ...newRun("run"), drawn: { state: "paused", seq: 1 } }
  apply(run, { event: "State", seq: 1, state: "paused" })
  apply(run, { event: "State", seq: 2, state: "running" })
  apply(run, { event: "State", seq: 4, state: "paused" })
  for (const [drawn, stale] of [[{ state: "paused", seq: 1 }, true], [{ state: "running", seq: 2 }, true], [{ state: "running", seq: 4 }, true],
    [{ state: "paused", seq: 4 }, false]]) {
    assert.equal(isStale({ ...run, drawn }), stale, JSON.stringify(drawn))
  }
})

test("waiting and training are one to a page; a run that is gone, and one on a page of its own, are not", () => {
  const run = { ...newRun("run"), drawn: { state: "queued", seq: 0 } }
  apply(run, { event: "State", seq: 1, state: "running" })
  assert.equal(isStale(run), false)
  apply(run, { event: "Unknown" })
  assert.equal(isStale(run), true)
  assert.equal(isStale({ ...run, drawn: undefined }), false)
})

test("a speed is told after half a second of training, without the first block", () => {
  const run = newRun("run")
  apply(run, { event: "RunStarted", steps: 1000, steps_per_epoch: 100, epochs: 10, train_images: 6400 })
  const take = (step, speed) => apply(run, { event: "StepsDone", step, steps: [], losses: [], means: [], learning_rates: [], images_per_second: speed })
  take(1, 6)
  assert.deepEqual([run.speed, secondsLeft(run)], [null, null])
  // 64 images a step: 0.32 s, then 0.64 s.
  take(2, 200)
  assert.equal(run.speed, null)
  take(3, 200)
  assert.deepEqual([run.speed, secondsLeft(run)], [200, (997 * 64) / 200])
  // Steps long past count less: 3.2 s more make 3.84 s, a further 3.2 s halves those.
  take(13, 200)
  take(33, 400)
  assert.equal(run.speed, (12 * 64 / 2 + 20 * 64) / (3.84 / 2 + 3.2))
  // The seconds' axis has a pace from the first block on.
  apply(run, { event: "Resumed", step: 33, epoch: 0, message: "" })
  assert.equal(placeOf({ ...newRun("run"), size: run.size, latest: 640 }, "time")(20), 2)
  take(34, 6)
  assert.equal(run.speed, (12 * 64 / 2 + 20 * 64) / (3.84 / 2 + 3.2))
})

test("the speed of a run that is over is of all its steps, those too that a diverged run lost, and of nothing else", () => {
  const over = blocks => {
    const run = newRun("run")
    apply(run, { event: "RunStarted", steps: 1000, steps_per_epoch: 100, epochs: 10, train_images: 6400 })
    for (const [step, images_per_second] of blocks) {
      apply(run, { event: "StepsDone", step, steps: [], losses: [], means: [], learning_rates: [], images_per_second })
    }
    apply(run, { event: "Diverged", step: 299, learning_rate: 9, restored_step: 0 })
    apply(run, { event: "RunFinished", reason: "diverged", step: 0, seconds: 1000, test_loss: 2.3, test_accuracy: 0.1 })
    return [run.step, run.speed]
  }
  assert.deepEqual(over([[100, 50]]), [0, 50])
  // 64 images a step: 1 s, then 2 s.
  assert.deepEqual(over([[100, 50], [200, 6400], [300, 3200]]), [0, (200 * 64) / 3])
})
