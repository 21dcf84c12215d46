// The filter of the table of runs: whole words, fields, days.

import assert from "node:assert/strict"
import test from "node:test"
import { filtered } from "../../dashboard/components/run_table/filter.js"

const NOW = new Date(2026, 10, 29, 12).getTime(), HOUR = 3600

const row = (id, search, fields, age = 0) => ({
  id, search, created: NOW / 1000 - age,
  fields: { run: id, name: "", optimizer: ["adam", "Adam"], rate: 0.001, batch: 64, seed: 0, tag: [], owner: "Ada Lovelace", ...fields },
})
const rows = [
  row(1, "#1 adam rate 0.001 batch 64 5 epochs ada lovelace", {}),
  row(2, "#2 adamw rate 1e-05 batch 128 5 epochs seed 1 grace", { optimizer: ["adamw", "AdamW"], rate: 1e-5, batch: 128, seed: 1, owner: "Grace" }, 10 * HOUR),
  row(12, "#12 mine sgd rate 0.1 batch 1 5 epochs grace my exam", { name: "mine", optimizer: ["sgd", "SGD"], rate: 0.1, batch: 1, tag: ["my exam"], owner: "Grace" }, 20 * HOUR),
  row(13, "#13 adam batch full grace", { batch: "full", owner: "Grace" }, 100 * HOUR),
]
const found = text => filtered(rows, text, NOW).map(each => each.id)

const CASES = [
  ["", [1, 2, 12, 13]],
  // A word is whole: Adam is not AdamW, 1 is not 128 and not 0.001.
  ["adam", [1, 13]], ["ADAMW", [2]], ["1", [1, 2, 12]], ["#12", [12]], ["12", [12]],
  // A word that no row has whole may still be typed; a number may not.
  ["adamw gra", [2]], ["lovel", [1]], ["0.00", []], ["6", []],
  ["batch:1", [12]], ["batch:64", [1]], ["batch:6", []], ["batch:full", [13]], ["batch_size:128", [2]],
  ["seed:1", [2]], ["seed:0 adam", [1, 13]], ["rate:0.00001", [2]], ["lr:1e-5", [2]],
  ["optimizer:adam", [1, 13]], ["optimizer:Adam", [1, 13]], ["optimizer:sg", [12]],
  ["tag:exam", [12]], ['tag:"my exam"', [12]], ["owner:grace batch:1", [12]], ["by:ada", [1]], ['"my exam"', [12]],
  ["batch:", [1, 2, 12, 13]], ["nonsense:1", []],
  ["today", [1, 2]], ["yesterday", [12]], ["2026-11-25", [13]], ["today adamw", [2]],
]
for (const [text, ids] of CASES) test(`the filter "${text}"`, () => assert.deepEqual(found(text), ids))
