// One press makes one entry in the history, whatever arrives behind it.

import assert from "node:assert/strict"
import test from "node:test"
import { onePressOneEntry } from "../../dashboard/components/session/history.js"

function browser(hasBeenActive = false) {
  const entries = ["/"]
  const page = new EventTarget()
  page.navigator = { userActivation: { hasBeenActive } }
  page.document = new EventTarget()
  page.history = {
    pushState: (state, title, address) => entries.push(address),
    replaceState: (state, title, address) => (entries[entries.length - 1] = address),
  }
  return { entries, page, go: (address) => page.history.pushState({}, "", address) }
}

test("the second change behind a press replaces the first one's entry", () => {
  const { entries, page, go } = browser()
  onePressOneEntry(page)
  for (const kind of ["click", "keydown"]) {
    page.document.dispatchEvent(new Event(kind))
    go(`/${kind}`)
    go(`/${kind}?run=1`)
  }
  assert.deepEqual(entries, ["/", "/click?run=1", "/keydown?run=1"])
})

test("what arrives after Back makes no entry, also if the press of Back was a key's", () => {
  const { entries, page, go } = browser()
  onePressOneEntry(page)
  page.document.dispatchEvent(new Event("keydown"))
  page.dispatchEvent(new Event("popstate"))
  go("/sweep")
  go("/train")
  assert.deepEqual(entries, ["/train"])
})

test("a press that came before the script makes its entry", () => {
  const { entries, page, go } = browser(true)
  onePressOneEntry(page)
  go("/sweep")
  go("/sweep?sweep=1")
  assert.deepEqual(entries, ["/", "/sweep?sweep=1"])
})

test("a browser that does not know of presses is given the first entry", () => {
  const { entries, page, go } = browser()
  page.navigator = {}
  onePressOneEntry(page)
  go("/sweep")
  assert.deepEqual(entries, ["/", "/sweep"])
})

test("without any press there is no entry", () => {
  const { entries, page, go } = browser()
  onePressOneEntry(page)
  go("/?run=1")
  assert.deepEqual(entries, ["/?run=1"])
})
