// The events of a page that stands alone, in place of the lab's stream.

import assert from "node:assert/strict"
import test from "node:test"
import { Recording } from "../../dashboard/components/chart/feed.js"

test("a recording gives each run its events whenever it is asked, and needs no connection", () => {
  const frames = []
  const feed = new Recording({ a: [{ seq: 0 }, { seq: 1 }], b: [] }, { onEvents: frame => frames.push(frame) })
  assert.deepEqual([feed.failures, feed.saved], [0, true])
  assert.deepEqual(frames, [])
  feed.subscribe()
  assert.deepEqual(frames, [{ run: "a", events: [{ seq: 0 }, { seq: 1 }], position: null }, { run: "b", events: [], position: null }])
  feed.close()
})
