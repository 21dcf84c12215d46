// Another screen begins at the page's top, the same one stays where it is.

import assert from "node:assert/strict"
import test from "node:test"
import show from "../../dashboard/components/session/screen.js"

test("the page scrolls to its top with another screen, and only then", () => {
  const scrolled = []
  const page = { querySelector: selector => ({ scrollTo: place => scrolled.push([selector, place.top]) }) }
  const counts = ["runs", "runs", "run: 1", "run: 1", "runs"].map(screen => {
    show({ data: { screen } }, page)
    return scrolled.length
  })
  // The first one is a page that was just opened.
  assert.deepEqual(counts, [0, 0, 1, 1, 2])
  assert.deepEqual(scrolled[0], ["[data-testid=stMain]", 0])
  show({ data: { screen: "models" } }, { querySelector: () => null })
})
