import assert from "node:assert/strict"
import { test } from "node:test"

import { lasting } from "../../dashboard/components/shared/lasting.js"

function page() {
  const root = { isConnected: true }, made = []
  const mount = lasting(".it", element => {
    const thing = { element, got: [], closed: 0, close: () => { thing.closed += 1 } }
    made.push(thing)
    return thing
  }, (thing, { data }) => thing.got.push(data))
  const call = data => mount({ data, parentElement: { querySelector: () => root } })
  return { root, made, call, later: () => new Promise(resolve => { setTimeout(resolve) }) }
}

test("one thing for an element, whatever number of calls", () => {
  const { made, call, root } = page()
  call(1)
  call(2)
  assert.deepEqual([made.length, made[0].got, made[0].element], [1, [1, 2], root])
})

test("a clean-up after the next call closes nothing", async () => {
  const { made, call, later } = page()
  const first = call(1)
  call(2)
  first()
  await later()
  call(3)
  assert.deepEqual([made.length, made[0].closed, made[0].got], [1, 0, [1, 2, 3]])
})

test("what has left the page is closed, once", async () => {
  const { made, call, root, later } = page()
  const cleanUps = [call(1), call(2)]
  root.isConnected = false
  cleanUps.forEach(cleanUp => cleanUp())
  await later()
  assert.equal(made[0].closed, 1)
})
