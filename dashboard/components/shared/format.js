// Numbers as text, the same on every page. dashboard/words.py is its twin in Python: tests/fixtures/words.json holds them equal.

export const NOTHING = "–"

/** Neither missing nor a number that JSON and typed arrays use for a gap. */
const isKnown = value => value !== null && value !== undefined && Number.isFinite(value)

/** A share from 0 to 1, to two decimals of a percent. */
export const percent = value => (isKnown(value) ? `${(100 * value).toFixed(2)} %` : NOTHING)

/** A loss, to four decimals. */
export const loss = value => (isKnown(value) ? value.toFixed(4) : NOTHING)

/** A whole number, its thousands separated by commas. */
export const count = value => (isKnown(value) ? Math.round(value).toLocaleString("en") : NOTHING)

/** A number of things: `1 run`, `2 runs`. */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`

export function duration(seconds) {
  if (!isKnown(seconds)) return NOTHING
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** Four significant digits, trailing zeros kept, so that a column of changing values stands still. */
export const significant = value => (isKnown(value) ? value.toPrecision(4) : NOTHING)

/** The same; values far from 1 as a power of ten. */
export function scientific(value) {
  const size = Math.abs(value)
  return isKnown(value) && size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : significant(value)
}

/** Four significant digits without trailing zeros. */
export const short = value => (isKnown(value) ? Number(value.toPrecision(4)).toString() : NOTHING)

/** Time since something happened. */
export function ago(seconds) {
  if (seconds < 60) return "just now"
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86400)} d ago`
}

/** Test accuracy of a network that only guesses, at most: the commonest digit is 11.35 % of the test digits. */
const GUESSING = 0.12

/** A run's state; of a finished one also whether its network does no better than guessing. */
export const ending = (state, testAccuracy) => (state === "finished" && isKnown(testAccuracy) && testAccuracy <= GUESSING ? "finished, only guesses" : state)
