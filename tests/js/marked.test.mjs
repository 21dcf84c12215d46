import assert from "node:assert/strict"
import test from "node:test"

import { between } from "../../dashboard/components/figure/marked.js"

const names = ["a", "b", "c"]

test("without marks no line is marked", () => {
  assert.deepEqual(between([{ values: [1, 2, 3] }], names), [])
})

test("a line is marked that lies between the marks of every axis", () => {
  const axes = [{ values: [1, 2, 3], constraintrange: [1.5, 3] }, { values: [9, 8, 7], constraintrange: [[7, 7], [9, 9]] }, { values: [0, 0, 0] }]
  assert.deepEqual(between(axes, names), ["c"])
})
