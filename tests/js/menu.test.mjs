// The phone's menu closes after a choice, and only then.

import assert from "node:assert/strict"
import test from "node:test"
import { closeAfterChoice } from "../../dashboard/components/session/menu.js"

function clicked(selector) {
  let closed = 0
  const page = { querySelector: () => ({ click: () => (closed += 1) }) }
  closeAfterChoice({ target: { closest: wanted => wanted === selector } }, page)
  return closed
}

test("a link of the menu closes it", () => assert.equal(clicked("[data-testid=stSidebarNavLink]"), 1))
test("a click elsewhere does not", () => assert.equal(clicked("button"), 0))
test("a page without the menu has nothing to close", () => {
  closeAfterChoice({ target: { closest: () => true } }, { querySelector: () => null })
})
