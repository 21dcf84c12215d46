// Where the player of a figure stands.

import assert from "node:assert/strict"
import test from "node:test"
import { playerBelow } from "../../dashboard/components/figure/below.js"

const player = below => ({ sliders: [{ pad: { t: below, b: 0 } }], updatemenus: [{ pad: { t: below + 20 } }] })

test("a player stands below labels that are turned, and where it was made once they are not", () => {
  const given = player(56)
  assert.deepEqual(playerBelow(given, player(56), 41.5), {})
  assert.deepEqual(playerBelow(given, player(56), 83.2), { "sliders[0].pad.t": 98, "updatemenus[0].pad.t": 118 })
  assert.deepEqual(playerBelow(given, player(98), 83.2), {})
  assert.deepEqual(playerBelow(given, player(98), 41.5), { "sliders[0].pad.t": 56, "updatemenus[0].pad.t": 76 })
})

test("a figure without a player stays as it is", () => {
  assert.deepEqual(playerBelow({}, {}, 200), {})
})
