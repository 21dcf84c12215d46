// Numbers as text: the browser's words and Python's are the same.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import test from "node:test"
import * as format from "../../dashboard/components/shared/format.js"

const WORDS = new URL("../fixtures/words.json", import.meta.url)

for (const kind of ["percent", "loss", "duration", "count", "counted", "ending"]) {
  test(`${kind} as in Python`, () => {
    const rows = JSON.parse(readFileSync(WORDS, "utf8"))[kind]
    assert.ok(rows.length > 0)
    for (const row of rows) assert.equal(format[kind](...row.slice(0, -1)), row.at(-1), `${kind} of ${row}`)
  })
}

test("durations: their units change at 10 s, 90 s and 90 min", () => {
  const rows = [[0, "0.0 s"], [9.94, "9.9 s"], [10, "10 s"], [89.4, "89 s"], [90, "2 min"], [5399, "90 min"], [5400, "1.5 h"], [36000, "10.0 h"]]
  for (const [seconds, text] of rows) assert.equal(format.duration(seconds), text)
})

test("losses, counts and shares", () => {
  assert.equal(format.percent(0.97218), "97.22%")
  assert.equal(format.loss(0.123456), "0.1235")
  assert.equal(format.count(48000.4), "48,000")
})

test("where a run trains", () => {
  assert.equal(format.place(null), "")
  assert.equal(format.place({ device: "cpu", threads: 1, node: "" }), "CPU, 1 thread")
  assert.equal(format.place({ device: "cpu", threads: 2 }), "CPU, 2 threads")
  assert.equal(format.place({ device: "cuda:0", threads: 8, node: "lab-3 (10.0.0.3)" }), "lab-3 (10.0.0.3), GPU")
})

test("significant digits", () => {
  assert.equal(format.significant(1.5), "1.500")
  assert.equal(format.short(1.5), "1.5")
  assert.equal(format.short(-1.20004), "-1.2")
  assert.equal(format.scientific(0), "0.000")
  assert.equal(format.scientific(0.000123456), "1.23e-4")
  assert.equal(format.scientific(-123456), "-1.23e+5")
  assert.equal(format.scientific(99999), "1.000e+5")
})

test("what is missing or not finite is a dash", () => {
  for (const name of ["percent", "duration", "count", "loss", "significant", "scientific", "short"]) {
    for (const value of [null, undefined, NaN, Infinity]) assert.equal(format[name](value), "–", `${name} of ${value}`)
  }
})

test("ages", () => {
  const rows = [[59, "just now"], [60, "1 min ago"], [3599, "59 min ago"], [3600, "1 h ago"], [86400, "1 d ago"]]
  for (const [seconds, text] of rows) assert.equal(format.ago(seconds), text)
})

test("times are of this day, of this year, or of another", () => {
  const at = (...parts) => new Date(...parts).getTime() / 1000, now = at(2026, 10, 29, 18)
  assert.equal(format.dateTime(at(2026, 10, 29, 9, 5), now), "09:05")
  assert.equal(format.dateTime(at(2026, 8, 8, 23, 59), now), "8 Sep, 23:59")
  assert.equal(format.dateTime(at(2025, 10, 29, 18), now), "29 Nov 2025, 18:00")
})

test("several seeds are their mean with their range", () => {
  assert.deepEqual(format.spread([], format.percent), ["–", ""])
  assert.deepEqual(format.spread([0.97], format.percent), ["97.00%", ""])
  assert.deepEqual(format.spread([0.97, 0.98, 0.96], format.percent), ["97.00%", "96.00–98.00%, n = 3"])
})
