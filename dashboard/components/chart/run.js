// The fold of one run's events in the browser; core/runs/history.py is its twin.

import { known, mean } from "../shared/series.js"

export function newRun(id) {
  return {
    id, seq: -1, state: "queued", position: null, size: null, speed: null, latest: null, timed: null, taken: { images: 0, seconds: 0 }, seconds: null, diverged: null, test: null,
    step: null, steps: [], losses: [], means: [], rates: [],
    // Of the chart, which smooths in a frame and draws a moment later: events can come between the two.
    smoothed: [], smoothedAs: null,
    // Number of the last event that was a change of state.
    changed: -1,
    epochs: { step: [], trainLoss: [], trainAccuracy: [], loss: [], accuracy: [], ended: [] },
  }
}

const FINAL = ["finished", "stopped", "diverged", "failed", "interrupted", "unknown"]
export const isOver = run => FINAL.includes(run.state)
/** True if nothing more happens to the run by itself, so that the page offers other actions. */
export const isSettled = run => isOver(run) || run.state === "paused"

/** True if the page offers other actions than fit the run: it was drawn with the run as `run.drawn`, in `state` and with
 * `seq`, the number of its last event then. */
export function isStale(run) {
  if (!run.drawn) return false
  const { state, seq } = run.drawn
  if (run.state === "unknown") return state !== "unknown"
  // What the page has seen is still on its way here.
  if (run.seq < seq) return false
  return isSettled(run) ? run.state !== state || run.changed > seq : isSettled({ state })
}

/** Seconds of training before a speed is told, and those that it is a mean of at most. */
const TIMED_SECONDS = [0.5, 5]

/** Measure the speed, in images per second. The first block after a start counts for nothing: in it the machine warms up. */
function measureSpeed(run, event) {
  run.latest = event.images_per_second
  if (!run.timed) {
    run.timed = { images: 0, seconds: 0 }
    return
  }
  const images = (event.step - run.step) * imagesPerStep(run), seconds = images / run.latest
  run.taken = { images: run.taken.images + images, seconds: run.taken.seconds + seconds }
  const kept = run.timed.seconds + seconds > TIMED_SECONDS[1] ? 0.5 : 1
  run.timed = { images: kept * run.timed.images + images, seconds: kept * run.timed.seconds + seconds }
  if (run.timed.seconds >= TIMED_SECONDS[0]) run.speed = run.timed.images / run.timed.seconds
}

const handlers = {
  RunStarted(run, event) {
    run.size = event
  },
  StepsDone(run, event) {
    run.steps.push(...event.steps)
    run.losses.push(...event.losses)
    run.means.push(...event.means)
    run.rates.push(...event.learning_rates)
    measureSpeed(run, event)
    run.step = event.step
  },
  EpochDone(run, event) {
    run.step = event.step
    run.epochs.step.push(event.step)
    run.epochs.trainLoss.push(event.train_loss)
    run.epochs.trainAccuracy.push(event.train_accuracy)
    run.epochs.loss.push(event.validation_loss)
    run.epochs.accuracy.push(event.validation_accuracy)
    run.epochs.ended.push((run.epochs.ended.at(-1) ?? 0) + event.seconds)
  },
  // Earlier events of these steps and epochs are void: they come again.
  Resumed(run, event) {
    const kept = run.steps.filter(step => step < event.step).length
    for (const series of [run.steps, run.losses, run.means, run.rates]) series.length = kept
    const epochs = run.epochs.step.filter(step => step <= event.epoch * run.size.steps_per_epoch).length
    for (const series of Object.values(run.epochs)) series.length = epochs
    run.step = event.step
    run.timed = null
    run.message = event.message
    run.diverged = run.test = run.seconds = null
  },
  Diverged(run, event) {
    run.diverged = event
  },
  RunFinished(run, event) {
    run.step = event.step
    run.seconds = event.seconds
    // Of all steps by themselves: the run's own seconds hold the reading of the validation images too.
    run.speed = run.taken.seconds ? run.taken.images / run.taken.seconds : run.latest
    run.test = { loss: event.test_loss, accuracy: event.test_accuracy }
  },
  State(run, event) {
    run.changed = event.seq ?? run.changed
    run.state = event.state
    run.message = event.message
    run.stalled = event.stalled
  },
  Unknown(run) {
    run.state = "unknown"
  },
}

/** Apply an event once: one that the run already has changes nothing. */
export function apply(run, event) {
  if (event.seq !== undefined && event.seq <= run.seq) return
  handlers[event.event]?.(run, event)
  run.seq = event.seq ?? run.seq
}

/** The training loss so far, as everywhere in the lab: the mean over the last epoch that is over; before that over the
 * steps so far. Null without one, or if a loss was not finite. */
export function trainingLoss(run) {
  if (run.epochs.trainLoss.length) return run.epochs.trainLoss.at(-1)
  return run.means.length && known(run.means).length === run.means.length ? mean(run.means) : null
}

export const imagesPerStep = run => run.size.train_images / run.size.steps_per_epoch

/** Epochs whose mean tells how long the next ones take. */
const RECENT_EPOCHS = 5

/** Seconds of an epoch: the mean of the latest, in which the validation images are read too, or before one is over those of its
 * training images at the present speed; null before any is known. */
function secondsPerEpoch(run) {
  const { ended } = run.epochs, count = Math.min(ended.length, RECENT_EPOCHS)
  if (count) return (ended.at(-1) - (ended.at(-1 - count) ?? 0)) / count
  return run.speed ? run.size.train_images / run.speed : null
}

/** Seconds from a step until the last one as it goes at present, or null. */
export function secondsFrom(run, step) {
  const seconds = run.size ? secondsPerEpoch(run) : null
  return seconds === null ? null : ((run.size.steps - step) / run.size.steps_per_epoch) * seconds
}

/** Seconds until the last step as it goes at present, or null. */
export const secondsLeft = run => (run.step === null ? null : secondsFrom(run, run.step))

/** The place of a step on the horizontal axis: as a step, in epochs, or in seconds of training. The clock is read at the
 * ends of epochs; between them steps are taken to be equally quick. A run that left another one, `shift` steps further on
 * in that one's counting, begins where it left; its seconds are from its own first epoch on. */
export function placeOf(run, unit) {
  const shift = run.shift ?? 0
  if (unit === "step" || !run.size) return step => step + shift
  const perEpoch = run.size.steps_per_epoch
  if (unit === "epoch") return step => step / perEpoch
  const ended = run.epochs.ended, first = Math.floor((run.steps[0] ?? 0) / perEpoch) * perEpoch
  const speed = run.speed ?? run.latest, pace = speed ? imagesPerStep(run) / speed : 0
  return at => {
    const step = at - first, epoch = Math.min(Math.floor(step / perEpoch), ended.length)
    const before = epoch ? ended[epoch - 1] : 0
    const into = step - epoch * perEpoch
    return before + into * (epoch < ended.length ? (ended[epoch] - before) / perEpoch : pace)
  }
}
