// What was typed into a select box that takes new values counts with Enter and when the box is left.

import assert from "node:assert/strict"
import test from "node:test"
import { keepTyped, watchTyped } from "../../dashboard/components/session/typed.js"

globalThis.requestAnimationFrame = (draw) => draw()
globalThis.KeyboardEvent = class {
  constructor(type, { key }) {
    Object.assign(this, { type, key })
  }
}

/** A select box with the options of its open list; `did` is what has been done to it. */
function box(value, texts, role = "combobox") {
  const did = []
  const options = texts.map((textContent) => ({ textContent, click: () => did.push(textContent) }))
  const list = { querySelectorAll: () => options }
  const page = {}
  const field = {
    value, ownerDocument: page, getAttribute: (name) => ({ role, "aria-controls": "list" })[name],
    dispatchEvent: ({ type, key }) => did.push(`${type} ${key}`),
  }
  Object.assign(page, {
    activeElement: field, getElementById: (id) => (id === "list" && options.length ? list : null),
  })
  const event = (type, key) => ({
    target: field, type, key, preventDefault: () => did.push("held"), stopPropagation: () => {},
  })
  const send = (type, key) => {
    if (type === "focusout") page.activeElement = null
    keepTyped(event(type, key))
  }
  return { did, send, event, close: () => options.splice(0) }
}

test("Enter takes what was typed, and not a value that has it in itself", () => {
  const { did, send } = box("48", ["2048", "Add: 48"])
  send("keydown", "Enter")
  assert.deepEqual(did, ["held", "Add: 48"])
})

test("a box that is left takes what was typed, a known value too", () => {
  for (const [type, key] of [["keydown", "Tab"], ["focusout"]]) {
    const added = box("48", ["2048", "Add: 48"]), known = box("512", ["512"])
    added.send(type, key)
    known.send(type, key)
    assert.deepEqual([added.did, known.did], [["Add: 48"], ["512"]])
  }
})

test("a list that scrolling has closed is still known", () => {
  const { did, send, close } = box("48", ["Add: 48"])
  send("input")
  close()
  send("focusout")
  send("focusout")
  assert.deepEqual(did, ["keydown Enter"])
})

test("after an arrow, Enter is the list's own, until more is typed", () => {
  const { did, send } = box("5", ["Add: 5", "512"])
  send("keydown", "ArrowDown")
  send("keydown", "Enter")
  assert.deepEqual(did, [])
  send("input")
  send("keydown", "Enter")
  assert.deepEqual(did, ["held", "Add: 5"])
})

test("what no option is, other keys, an empty box and other fields are left alone", () => {
  for (const one of [box("Ad", ["Adam"]), box("", [""]), box("48", ["Add: 48"], "textbox"), box("48", [])]) {
    one.send("keydown", "Enter")
    one.send("keydown", "Tab")
    one.send("focusout")
    assert.deepEqual(one.did, [])
  }
  const { did, send, event } = box("48", ["Add: 48"])
  send("keydown", "4")
  keepTyped(event("focusout"))
  assert.deepEqual(did, [])
})

test("the page's fields are watched until it is left", () => {
  const page = new EventTarget()
  let asked = 0
  page.getAttribute = () => void (asked += 1)
  const end = watchTyped(page)
  page.dispatchEvent(new Event("input"))
  end()
  page.dispatchEvent(new Event("input"))
  assert.equal(asked, 1)
})
