// The drawing of players: contours and curves first, the relief a frame later, each one at a time.

import assert from "node:assert/strict"
import test from "node:test"
import { frame, landscapeScene, mounted, settle, surfaceScene } from "./stub.mjs"
import mountLandscape from "../../dashboard/components/player/landscape/landscape.js"
import mountSurface from "../../dashboard/components/player/surface/surface.js"

const PLAYERS = [["surface", mountSurface, surfaceScene], ["landscape", mountLandscape, landscapeScene]]
const react = (...plots) => plots.map(plot => ["react", plot])
const purge = (...plots) => plots.map(plot => ["purge", plot])

for (const [name, mount, scene] of PLAYERS) {
  test(`${name}: one drawing at a time, then one more for all requests during it`, async () => {
    const player = await mounted(mount, scene())
    for (const revision of ["second", "third", "fourth"]) player.update(scene(revision))
    await settle()
    assert.equal(player.drawing(), 1)
    assert.deepEqual(player.calls, react("map"))
    await player.finish(2)
    assert.equal(player.element.dataset.ready, undefined)
    assert.deepEqual(player.calls, react("map", "curves", "map"))
    await player.finish(2)
    assert.equal(player.element.dataset.ready, "fourth")
    await frame()
    assert.deepEqual(player.calls, react("map", "curves", "map", "curves", "relief"))
    await player.finish()
    assert.equal(player.drawing(), 0)
    assert.equal(player.element.dataset.relief, "fourth")
  })

  test(`${name}: contours and curves can be used a frame before the relief is begun`, async () => {
    const player = await mounted(mount, scene()), { parts } = player.element
    const saves = part => parts[part].parentElement.children[0].disabled
    await player.finish(2)
    assert.equal(player.element.dataset.ready, "first")
    assert.deepEqual(player.calls, react("map", "curves"))
    assert.deepEqual(["map", "curves", "relief"].map(saves), [false, false, true])
    parts.play.onclick()
    assert.equal(parts.play.textContent, "❚❚")
    await frame()
    assert.deepEqual(player.calls, react("map", "curves", "relief"))
    assert.equal(player.element.dataset.relief, undefined)
    await player.finish()
    assert.equal(player.element.dataset.relief, "first")
    assert.equal(saves("relief"), false)
    assert.equal(parts.play.textContent, "❚❚")
  })

  test(`${name}: other data before the relief is begun, or while it is drawn, give one relief of the last`, async () => {
    const player = await mounted(mount, scene())
    await player.finish(2)
    player.update(scene("second"))
    await frame()
    assert.deepEqual(player.calls, react("map", "curves", "map"))
    await player.finish(2)
    await frame()
    player.update(scene("third"))
    await settle()
    assert.deepEqual(player.calls.slice(3), react("curves", "relief", "map"))
    // The relief of the second, over which nothing of the third may be painted.
    await player.finish()
    assert.equal(player.element.dataset.relief, undefined)
    await player.finish(2)
    await frame()
    assert.deepEqual(player.calls.slice(6), react("curves", "relief"))
    await player.finish()
    assert.equal(player.element.dataset.relief, "third")
    assert.equal(player.drawing(), 0)
  })

  test(`${name}: nothing is drawn after close, and the plots are freed when the drawing is over`, async () => {
    const player = await mounted(mount, scene())
    await player.finish()
    player.update(scene("second"))
    await settle()
    await player.unmount()
    assert.deepEqual(player.calls, [...react("map", "curves"), ...purge("relief")])
    await player.finish()
    await frame()
    assert.deepEqual(player.calls.slice(3), purge("map", "curves"))
    assert.equal(player.drawing(), 0)
  })

  test(`${name}: closed before the relief is begun, or while it is drawn, it is freed behind that`, async () => {
    for (const begun of [false, true]) {
      const player = await mounted(mount, scene())
      await player.finish(2)
      if (begun) await frame()
      await player.unmount()
      const before = begun ? ["map", "curves", "relief"] : ["map", "curves"]
      assert.deepEqual(player.calls, [...react(...before), ...purge("map", "curves")])
      if (begun) await player.finish()
      else await frame()
      assert.deepEqual(player.calls, [...react(...before), ...purge("map", "curves", "relief")])
      assert.equal(player.drawing(), 0)
    }
  })

  test(`${name}: closed at rest, the plots are freed at once`, async () => {
    const player = await mounted(mount, scene())
    await player.finishAll()
    await player.unmount()
    assert.deepEqual(player.calls.slice(3), purge("map", "curves", "relief"))
    // What plotly still reports is for nobody.
    for (const handler of player.element.parts.map.handlers.plotly_afterplot) handler()
  })

  test(`${name}: after a drawing that fails the next one is drawn`, async t => {
    const said = t.mock.method(console, "error", () => {})
    const player = await mounted(mount, scene())
    await player.fail(new Error("no context"))
    assert.equal(said.mock.callCount(), 1)
    player.update(scene("second"))
    await settle()
    await player.finish(2)
    assert.equal(player.element.dataset.ready, "second")
    await frame()
    await player.fail(new Error("no context"))
    assert.equal(said.mock.callCount(), 2)
    player.update(scene("third"))
    await settle()
    await player.finishAll()
    assert.equal(player.element.dataset.relief, "third")
  })

  test(`${name}: the same data again draws nothing`, async () => {
    const player = await mounted(mount, scene())
    await player.finishAll()
    player.update(scene())
    await settle()
    await frame()
    assert.equal(player.calls.length, 3)
  })
}

test("the first playback begins with the relief, unless a hand was quicker", async () => {
  const played = { ...surfaceScene(), autoplay: true }
  const left = await mounted(mountSurface, played)
  await left.finish(2)
  assert.notEqual(left.element.parts.play.textContent, "❚❚")
  await frame()
  await left.finish()
  assert.equal(left.element.parts.play.textContent, "❚❚")
  const moved = await mounted(mountSurface, played), { scrub, play, step } = moved.element.parts
  await moved.finish(2)
  scrub.value = "3"
  scrub.oninput()
  await frame()
  await moved.finish()
  assert.notEqual(play.textContent, "❚❚")
  assert.equal(step.textContent, "step 3 of 4")
})
