// The filter's language: whole words (`adam`), fields (`batch:1`, `tag:"my exam"`) and days (`today`, `2026-11-29`).

/** Other names of fields. */
const ALIASES = { lr: "rate", batch_size: "batch", number: "run", by: "owner", tags: "tag" }
const TERM = /(?:([a-z_]+):)?(?:"([^"]*)"?|(\S+))/g
const DAY_MS = 86_400_000

const wordsOf = text => text.toLowerCase().split(/[^\p{L}\p{N}.+-]+/u).filter(Boolean)

/** A local day as `2026-11-29`. */
function dayOf(ms) {
  const date = new Date(ms), two = value => String(value).padStart(2, "0")
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** True if each of the wanted words is among the words; or, with `begins`, is how one of them begins. */
const hasAll = (words, wanted, begins) =>
  wanted.every(want => words.some(word => word === want || (begins && word.startsWith(want))))

function holds(value, wanted, begins) {
  if (Array.isArray(value)) return value.some(each => holds(each, wanted, begins))
  if (typeof value === "number") return wanted !== "" && Number(wanted) === value
  return value.toLowerCase() === wanted || hasAll(wordsOf(value), wordsOf(wanted), begins)
}

/** The test of a term: `(row, begins)` to true or false. */
function test(field, text, now) {
  const day = { today: dayOf(now), yesterday: dayOf(now - DAY_MS) }[text] ?? (/^\d{4}-\d\d-\d\d$/.test(text) ? text : null)
  if (!field && day) return row => dayOf(1000 * row.created) === day
  if (field) return (row, begins) => field in row.fields && holds(row.fields[field], text, begins)
  const wanted = wordsOf(text)
  return (row, begins) => hasAll(row.words ??= wordsOf(row.search), wanted, begins)
}

/**
 * The rows that have every term of the filter's text. A word that no row has whole is taken for the beginning of one,
 * since it may still be typed; a number never is: 1 is not 128.
 */
export function filtered(rows, text, now = Date.now()) {
  const known = new Set(rows.flatMap(row => Object.keys(row.fields)))
  let passing = rows
  for (const [whole, name, quoted, plain] of text.toLowerCase().matchAll(TERM)) {
    const field = ALIASES[name] ?? name, isField = known.has(field)
    // A field whose value is still to be typed is no term yet.
    if (plain?.endsWith(":") && known.has(ALIASES[plain.slice(0, -1)] ?? plain.slice(0, -1))) continue
    const wanted = isField ? (quoted ?? plain) : (quoted ?? whole)
    const matches = test(isField ? field : "", wanted, now)
    const begins = !/^[#\d]/.test(wanted) && !rows.some(row => matches(row, false))
    passing = passing.filter(row => matches(row, begins))
  }
  return passing
}
