// Turns at drawing: one in a frame, those in the window first.

import assert from "node:assert/strict"
import test from "node:test"
import { Drawing, turn } from "../../dashboard/components/shared/drawing.js"
import { settle } from "./stub.mjs"

/** A window of 500 pixels whose frames are shown when `frame` is called. */
function screen(hidden = false) {
  const frames = []
  globalThis.window = { innerHeight: 500 }
  globalThis.document = { hidden }
  globalThis.requestAnimationFrame = callback => frames.push(callback)
  return async () => {
    frames.shift()?.()
    await new Promise(resolve => setTimeout(resolve, 2))
    await settle()
  }
}

const at = top => ({ getBoundingClientRect: () => ({ top, bottom: top + 100 }) })

/** Ask for a turn at each of these distances from the window's top; the list of the turns that have come. */
function asked(...tops) {
  const turns = []
  for (const top of tops) turn(at(top)).then(() => turns.push(top))
  return turns
}

test("the first is drawn at once, each other one a frame after the last, those in the window first", async () => {
  const frame = screen(), turns = asked(900, -300, 450, 20, 700)
  await settle()
  assert.deepEqual(turns, [900])
  for (const expected of [450, 20, -300, 700]) {
    await frame()
    assert.equal(turns.at(-1), expected)
  }
  assert.equal(turns.length, 5)
  await frame()
})

test("who asks later is drawn at once when a frame has passed, and waits for it otherwise", async () => {
  const frame = screen(), first = asked(0)
  await settle()
  assert.deepEqual(first, [0])
  const second = asked(10)
  await settle()
  assert.deepEqual(second, [])
  await frame()
  assert.deepEqual(second, [10])
  await frame()
  const third = asked(20)
  await settle()
  assert.deepEqual(third, [20])
  await frame()
})

test("a hidden window, which shows no frames, holds nobody up", async () => {
  screen(true)
  const turns = asked(0, 10, 20)
  await settle()
  assert.deepEqual(turns, [0, 10, 20])
})

test("what is requested before a drawing begins is in it; what comes later is drawn once more", async () => {
  let begun = () => {}, ended = () => {}, drawings = 0
  const drawing = new Drawing(async () => {
    await new Promise(resolve => { begun = resolve })
    drawing.begin()
    drawings += 1
    await new Promise(resolve => { ended = resolve })
  })
  drawing.request()
  drawing.request()
  begun()
  await settle()
  drawing.request()
  ended()
  await settle()
  begun()
  await settle()
  ended()
  await settle()
  assert.equal(drawings, 2)
  assert.equal(drawing.busy, false)
})
