// plotly.js that comes late, and not at the first try.

import assert from "node:assert/strict"
import test from "node:test"
import { installPage, settle } from "./stub.mjs"
import { plotly } from "../../dashboard/components/shared/plotly.js"

test("words stand in the place until plotly.js comes, also when it fails first", async t => {
  installPage()
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const scripts = [], place = document.createElement("div"), other = document.createElement("div")
  const shown = () => [place, other].map(each => each.children.filter(child => !child.removed).map(child => child.textContent))
  Object.assign(document, { head: { append: script => scripts.push(script) }, querySelectorAll: () => [...place.children, ...other.children] })
  const got = [plotly(place), plotly(other)]
  assert.deepEqual([scripts.length, ...shown()], [1, ["Loading charts…"], ["Loading charts…"]])
  scripts[0].onerror()
  assert.deepEqual(shown()[1], ["The charts did not load. Trying again…"])
  t.mock.timers.tick(3000)
  assert.equal(scripts.length, 2)
  window.Plotly = {}
  scripts[1].onload()
  assert.deepEqual(await Promise.all(got), [window.Plotly, window.Plotly])
  await settle()
  assert.deepEqual(shown(), [[], []])
})
