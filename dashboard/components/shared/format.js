// Numbers as text, the same on every page. dashboard/words.py is its twin in Python: tests/fixtures/words.json holds them equal.

import { mean } from "./series.js"

export const NOTHING = "–"

/** A share from 0 to 1, to two decimals of a percent. */
export const percent = value => (Number.isFinite(value) ? `${(100 * value).toFixed(2)}%` : NOTHING)

/** A loss to four decimals, never rounded to 0, a large one to fewer, a huge one as a power of ten. */
export function loss(value) {
  if (!Number.isFinite(value)) return NOTHING
  if (value > 0 && value < 0.00005) return "< 0.0001"
  const size = Math.abs(value)
  if (size >= 1e6) return value.toExponential(2).replace("e+", "e")
  return size >= 1000 ? count(value) : value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 4)
}

/** A whole number, its thousands separated by commas. */
export const count = value => (Number.isFinite(value) ? Math.round(value).toLocaleString("en") : NOTHING)

/** A number of things: `1 run`, `2 runs`. */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NOTHING
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** Where a run trains, from its `RunStarted`: `CPU, 2 threads`, `GPU`, `lab-3 (10.0.0.3), CPU, 1 thread`. */
export function place(size) {
  if (!size?.device) return ""
  const device = size.device === "cpu" ? `CPU, ${counted(size.threads, "thread")}` : "GPU"
  return size.node ? `${size.node}, ${device}` : device
}

/** Four significant digits, trailing zeros kept, so that a column of changing values stands still. */
export const significant = value => (Number.isFinite(value) ? value.toPrecision(4) : NOTHING)

/** The same; values far from 1 as a power of ten. */
export function scientific(value) {
  const size = Math.abs(value)
  return Number.isFinite(value) && size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : significant(value)
}

/** Four significant digits without trailing zeros. */
export const short = value => (Number.isFinite(value) ? Number(value.toPrecision(4)).toString() : NOTHING)

/** The mean of several seeds' values, and their range: `["97.31%", "97.12–97.45%, n = 3"]`. */
export function spread(values, write) {
  if (!values.length) return [NOTHING, ""]
  const low = write(Math.min(...values)).replace("%", "")
  const range = values.length > 1 ? `${low}–${write(Math.max(...values))}, n = ${values.length}` : ""
  return [write(mean(values)), range]
}

/** A time in unix seconds, in this browser's time zone: `14:05` today, `28 Nov, 14:05`, `28 Nov 2025, 14:05`. */
export function dateTime(seconds, now = Date.now() / 1000) {
  const [at, today] = [new Date(1000 * seconds), new Date(1000 * now)]
  const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
  if (at.toDateString() === today.toDateString()) return clock
  const month = at.toLocaleDateString("en-GB", { month: "short" }).slice(0, 3)
  const year = at.getFullYear() === today.getFullYear() ? "" : ` ${at.getFullYear()}`
  return `${at.getDate()} ${month}${year}, ${clock}`
}

/** Time since something happened. */
export function ago(seconds) {
  if (seconds < 60) return "just now"
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86400)} d ago`
}

/** Test accuracy of a network that only guesses, at most: the commonest digit is 11.35% of the test digits. */
const GUESSING = 0.12

/** A run's state; of a finished one also whether its network does no better than guessing. */
export const ending = (state, testAccuracy) => (state === "finished" && Number.isFinite(testAccuracy) && testAccuracy <= GUESSING ? "finished, only guesses" : state)
