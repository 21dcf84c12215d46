// The players: their time and their scenes.

import assert from "node:assert/strict"
import test from "node:test"
import { frame, installPage, landscapeScene, mounted, packed, root, surfaceScene } from "./stub.mjs"
import { mapFigure } from "../../dashboard/components/player/figures.js"
import { labelsOf, levelsOf, levelText, rangeOf, ticksOf } from "../../dashboard/components/player/levels.js"
import { reliefAt, reliefFigure, relieved } from "../../dashboard/components/player/relief.js"
import { Trail } from "../../dashboard/components/player/trail.js"
import { advance, at, stepBack, stepForward, within } from "../../dashboard/components/player/time.js"
import { floats, rows } from "../../dashboard/components/shared/arrays.js"
import { numbersOf } from "../../dashboard/components/shared/saving.js"
import { placeInWords, unpack as unpackSurface } from "../../dashboard/components/player/surface/scene.js"
import { cursorAt, heighten, momentAt, unpack as unpackLandscape } from "../../dashboard/components/player/landscape/scene.js"
import { curvesFigure as landscapeCurves, planeFigure } from "../../dashboard/components/player/landscape/views.js"
import { curvesFigure as surfaceCurves } from "../../dashboard/components/player/surface/curves.js"
import mountLandscape from "../../dashboard/components/player/landscape/landscape.js"
import mountSurface from "../../dashboard/components/player/surface/surface.js"

test("buttons move the cursor by whole steps, within the walk", async () => {
  const { element, finishAll } = await mounted(mountSurface, surfaceScene())
  await finishAll()
  const { back, forward, scrub, step } = element.parts
  back.onclick()
  assert.equal(step.textContent, "step 0 of 4")
  forward.onclick()
  assert.equal(step.textContent, "step 1 of 4")
  scrub.value = "4"
  scrub.oninput()
  forward.onclick()
  assert.equal(step.textContent, "step 4 of 4")
})

test("one loop plays and one turns, however often they are begun between two frames", async () => {
  const { element, finishAll } = await mounted(mountSurface, surfaceScene())
  await finishAll()
  const { play, relief } = element.parts
  relief.onpointerdown()
  relief.onpointerdown()
  assert.equal(await frame(), 1)
  play.onclick()
  assert.equal(await frame(), 2)
  play.onclick()
  play.onclick()
  assert.equal(await frame(), 2)
  assert.equal(play.attributes["aria-label"], "Pause")
  play.onclick()
  assert.equal(await frame(), 1)
})

test("an arrow with another key is the browser's", async () => {
  const { element, finishAll } = await mounted(mountSurface, surfaceScene())
  await finishAll()
  const press = more => {
    let taken = false
    element.onkeydown({ key: "ArrowRight", target: { matches: () => false }, preventDefault: () => { taken = true }, ...more })
    return [taken, element.parts.step.textContent]
  }
  element.parts.scrub.value = "1"
  element.parts.scrub.oninput()
  for (const key of ["altKey", "ctrlKey", "metaKey"]) assert.deepEqual(press({ [key]: true }), [false, "step 1 of 4"])
  assert.deepEqual(press({}), [true, "step 2 of 4"])
})

test("a start whose drag is cancelled stands where it was, and follows the hand no longer", async () => {
  const { element, finishAll } = await mounted(mountSurface, surfaceScene())
  await finishAll()
  const handle = element.parts.map.all.find(child => child.className === "handle")
  const place = () => [handle.style.left, handle.style.top], before = place()
  const press = (clientX, clientY) => ({ clientX, clientY, pointerId: 1, preventDefault() {}, stopPropagation() {} })
  handle.onpointerdown(press(0, 0))
  handle.onpointermove(press(40, 30))
  assert.deepEqual(place(), ["40px", "30px"])
  handle.onpointercancel({ type: "pointercancel" })
  assert.deepEqual([place(), handle.onpointermove], [before, null])
})

test("a relief with a hole has no lines of its levels", () => {
  const data = surfaceScene(), { surface } = unpackSurface(data)
  const lines = z => reliefFigure({ surface: { ...surface, coarse: { ...surface.coarse, z } }, paths: [] }, {}, [])[0][0].contours.z.show
  assert.deepEqual([[[0, 1], [2, 3]], [[0, 1], [2, NaN]]].map(lines), [true, false])
})

test("f at a walk's place is never below the lowest that it comes to", async () => {
  const data = surfaceScene()
  Object.assign(data.surface, { minimum: 2e-30 })
  Object.assign(data.paths[0], { best: 1e-33, data: packed([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [5, 4, 3, 2, -2.0000002e-30], [1, 1, 1, 1, 1], [2, 2, 2, 2, 2], [1, 1, 1, 1, NaN]].flat()) })
  const { element, finishAll } = await mounted(mountSurface, data)
  await finishAll()
  element.parts.scrub.value = "4"
  element.parts.scrub.oninput()
  assert.equal(element.parts.rows.children[0].children[2].textContent, "1.00e-33")
})

test("a whole playback takes eight seconds", () => {
  assert.equal(advance(0, 500, 8000), 500)
  assert.equal(advance(100, 500, 800), 150)
  assert.equal(advance(100, 500, 800, 0.5), 125)
  assert.equal(advance(499, 500, 1000, 4), 500)
})

test("steps back and forth from between two steps", () => {
  assert.deepEqual([2, 2.4].map(stepBack), [1, 2])
  assert.deepEqual([2, 2.4].map(stepForward), [3, 3])
  assert.deepEqual([-1, 2, 9].map(cursor => within(cursor, 4)), [0, 2, 4])
})

test("a path stands still after its end", () => {
  const path = { x: [0, 10, 20, 30], y: [0, 1, 4, 9], end: 2 }
  assert.deepEqual(at(path, 0.5), { x: 5, y: 0.5 })
  assert.deepEqual(at(path, 1.25), { x: 12.5, y: 1.75 })
  assert.deepEqual(at(path, 3), { x: 20, y: 4 })
})

test("arrays are read as Python packs them", () => {
  assert.deepEqual([...floats("AACAPwAAAMAAAMB/")], [1, -2, NaN])
  assert.deepEqual(rows(floats(packed([1, 2, 3, 4, 5, 6])), 2).map(row => [...row]), [[1, 2, 3], [4, 5, 6]])
})

test("a surface's scene", () => {
  const scene = unpackSurface({ ...surfaceScene(), paths: surfaceScene().paths.map(path => ({ ...path, diverged: 3 })) })
  assert.equal(scene.id, "bowl")
  assert.deepEqual(scene.surface.fine.x, [-1, 1])
  assert.deepEqual(scene.surface.fine.z.map(row => [...row]), [[0, 1], [2, 3]])
  assert.deepEqual([scene.surface.low, scene.surface.high], [0, 3])
  assert.deepEqual([scene.paths[0].end, scene.paths[0].key], [3, "sgd"])
  assert.deepEqual([...scene.paths[0].y], [4, 3, 2, 1, 0])
  assert.deepEqual([...scene.paths[0].gap], [5, 4, 3, 2, 1])
})

test("a landscape's scene has the moments of all its runs", () => {
  const [path] = landscapeScene().paths
  // A shorter run: at epochs 0 and 2.
  const other = { ...path, item: "run:2", points: packed([[0, 2], [0, 4], [1, 1], [0, 0], [2, 1], [2, 1], [0.1, 0.5]].flat()) }
  const model = { ...path, item: "model:1", model: true, points: packed([9, 7, 7, 0, 1, 1, 0.5]) }
  const scene = unpackLandscape({ ...landscapeScene(), paths: [path, other, model] })
  assert.deepEqual(scene.moments, [0, 1, 2, 3])
  assert.equal(scene.steps, 3)
  assert.deepEqual(scene.paths.map(each => each.end), [3, 2, 0])
  assert.deepEqual([...scene.paths[0].x], [0, 2, 3, 4])
  assert.deepEqual([...scene.paths[1].x], [0, 2, 4, 4])
  assert.equal(momentAt(scene, 2.5), 2.5)
  assert.equal(momentAt(scene, 3), 3)
})

test("a landscape's slider is linear in epochs, though its points are close together at first", async () => {
  const scene = unpackLandscape(landscapeScene())
  assert.deepEqual(scene.moments, [0, 1, 3])
  assert.deepEqual([-1, 0, 0.5, 1, 2, 3, 4].map(epoch => cursorAt(scene, epoch)), [0, 0, 0.5, 1, 1.5, 2, 2])
  for (const cursor of [0, 0.25, 1, 1.5, 2]) assert.equal(cursorAt(scene, momentAt(scene, cursor)), cursor)
  const { element, finishAll } = await mounted(mountLandscape, landscapeScene())
  await finishAll()
  const { scrub, moment, back } = element.parts
  assert.equal(scrub.max, 3)
  scrub.value = "2"
  scrub.oninput()
  assert.equal(moment.textContent, "epoch 2.00 of 3")
  assert.equal(scrub.value, 2)
  back.onclick()
  assert.equal(moment.textContent, "epoch 1.00 of 3")
})

test("a run that stopped within its first epoch has that part of it as its extent", async () => {
  const data = last => {
    const base = landscapeScene()
    return { ...base, paths: [{ ...base.paths[0], points: packed([[0, last / 4, last], [0, 2, 4], [1, 1, 1], [0, 0, 0], [2, 1, 0.5], [2, 1, 0.5], [0.1, 0.5, 0.9]].flat()) }] }
  }
  const said = async last => {
    const { element, finishAll } = await mounted(mountLandscape, data(last))
    await finishAll()
    return element.parts.moment.textContent
  }
  assert.equal(await said(0.37), "epoch 0.37 of 0.37")
  assert.equal(await said(0.0043), "epoch 0.0043 of 0.0043")
  assert.equal(await said(12.5), "epoch 12.50 of 12.5")
  assert.equal(await said(0), "epoch 0.00 of 0")
})

test("points off a random plane stand on its rail, not at the centre", () => {
  const base = landscapeScene()
  // From a distance of 8, then 4, to the plane's own centre.
  const points = packed([[0, 1, 3], [0, 0, 0], [0, 0, 0], [8, 4, 1e-6], [2, 1, 0.5], [2, 1, 0.5], [0.1, 0.5, 0.9]].flat())
  const data = { ...base, rail: true, paths: [{ ...base.paths[0], points }] }
  const scene = unpackLandscape(data), [path] = scene.paths
  assert.equal(scene.rail, 8)
  assert.deepEqual(path.off, [true, true, false])
  assert.deepEqual([...path.x], [NaN, NaN, 0])
  heighten(scene, "loss")
  const [traces, layout] = planeFigure(scene, { grid: "#ddd", scale: [] })
  const [on, off] = traces.slice(-2)
  assert.deepEqual([on.x, on.y], [[0], [0]])
  assert.deepEqual([off.x, off.xaxis, off.marker.symbol], [[8, 4], "x2", "circle-open"])
  assert.match(layout.xaxis2.title.text, /off the plane/)
  // On a plane of the runs' own, every point has its place.
  const own = unpackLandscape({ ...data, rail: false })
  assert.deepEqual([...own.paths[0].x], [0, 0, 0])
  heighten(own, "loss")
  assert.equal(planeFigure(own, { grid: "#ddd", scale: [] })[1].xaxis2, undefined)
})

test("the curves name their axis, and their numbers stand beside the cursor's dots, as it stands before the first step", () => {
  const figures = [[surfaceCurves, unpackSurface(surfaceScene()), "step"], [landscapeCurves, unpackLandscape(landscapeScene()), "epoch"]]
  for (const [curves, scene, name] of figures) {
    const [, layout] = curves(scene, { grid: "#ddd" })
    assert.equal(layout.xaxis.title.text, name)
    // A dot is 3.5 pixels wide, and has a ring.
    for (const axis of Object.keys(layout).filter(key => key.startsWith("yaxis"))) assert.ok(layout[axis].ticklabelstandoff >= 5)
    for (const title of Object.values(layout.meta.panels)) assert.match(title, /^(f −|[A-Z])/)
  }
})

test("a surface's numbers are f itself and its walks', each once", () => {
  // Below the floor of 0.1 a logarithm's tangent: there, from f - minimum = 0 on.
  const data = surfaceScene(), log = packed([-1 - 1 / Math.LN10, -1 - 0.5 / Math.LN10, 1, Math.log10(2509)])
  Object.assign(data.surface, { log: true, floor: 0.1, minimum: -2, fine: { n: 2, z: log }, coarse: { n: 2, z: log } })
  const scene = { ...unpackSurface(data), names: ["x", "y"] }
  scene.paths[0].shown = true
  const grid = ["-1,-1,-2", "1,-1,-1.95", "-1,1,8", "1,1,2507"]
  const path = ["SGD,0,4,3", "SGD,1,3,2", "SGD,2,2,1", "SGD,3,1,0", "SGD,4,0,-1"]
  const saved = ([traces, layout]) => numbersOf(traces, layout).trim().split("\n")
  assert.deepEqual(saved(mapFigure(scene, {}, true, 2)), ["series,x,y,f", ...grid.map(row => `,${row}`), ...path.slice(0, 3), "minimum,0,0,-2"])
  const rides = [{ x: [0.5], y: [0.5], z: [0.3] }], heads = { x: [0.5], y: [0.5], z: [0.3] }
  assert.deepEqual(saved(reliefFigure(scene, {}, rides, heads)), ["series,x,y,f", ...grid.map(row => `,${row}`), ...path])
})

test("a landscape's numbers are of the chosen quantity", () => {
  const scene = unpackLandscape(landscapeScene())
  const saved = view => {
    heighten(scene, view)
    const [traces, layout] = planeFigure(scene, {}, true)
    return numbersOf(traces, layout).trim().split("\n")
  }
  scene.paths[0].shown = true
  const path = (...heights) => heights.map((height, i) => `Adam,${[0, 2, 4][i]},1,${height}`)
  assert.deepEqual(saved("log"), ["series,a,b,loss", ",-1,-1,1", ",1,-1,0.1", ",-1,1,10", ",1,1,100", ...path(2, 1, 0.5)])
  assert.equal(saved("loss").join(), saved("log").join())
  assert.deepEqual(saved("accuracy").slice(0, 5), ['series,a,b,"accuracy, %"', ",-1,-1,10", ",1,-1,20", ",-1,1,30", ",1,1,40"])
})

test("the height is the chosen quantity", () => {
  const scene = unpackLandscape(landscapeScene())
  heighten(scene, "log")
  assert.deepEqual([scene.surface.low, scene.surface.high], [-1, 2])
  heighten(scene, "accuracy")
  assert.ok(Math.abs(scene.surface.low - 10) < 1e-5 && Math.abs(scene.surface.high - 40) < 1e-5)
})

/** A bowl over a square, as a scene has it. */
function bowl(n = 41) {
  const side = Array.from({ length: n }, (_, i) => -2 + (4 * i) / (n - 1))
  const grid = { x: side, y: side, z: side.map(y => side.map(x => x * x + y * y)) }
  return { domain: [-2, 2, -2, 2], minima: [[0, 0]], log: false, low: 0, high: 8, fine: grid, coarse: grid }
}

test("a flat surface has a range, so that it has levels, colours and a relief", () => {
  assert.deepEqual(rangeOf([3, 3]), { low: 0, high: 6 })
  assert.deepEqual(rangeOf([-3e20, -3e20]), { low: -6e20, high: 0 })
  assert.deepEqual(rangeOf([0, 0]), { low: -1, high: 1 })
  assert.deepEqual([rangeOf([NaN]), rangeOf([])], Array(2).fill({ low: 0, high: 1 }))
  // What float32 rounds is flat; a shallow bowl is not.
  assert.deepEqual(rangeOf([2.3, 2.3000002]), { low: 0, high: 4.6 })
  assert.deepEqual([rangeOf([0, 5e-7]), rangeOf([1000, 1000.01])], [{ low: 0, high: 5e-7 }, { low: 1000, high: 1000.01 }])
  const data = surfaceScene(), flat = { n: 2, z: packed([3, 3, 3, 3]) }
  const { surface } = unpackSurface({ ...data, surface: { ...data.surface, fine: flat, coarse: flat } })
  const { start, end, size } = levelsOf(surface), { ticktext } = ticksOf(surface)
  assert.ok(start >= 0 && end <= 6 && size > 0)
  assert.equal(new Set(ticktext).size, ticktext.length)
  const landscape = unpackLandscape({ ...landscapeScene(), loss: packed([3, 3, 3, 3]) })
  heighten(landscape, "loss")
  assert.deepEqual([landscape.surface.low, landscape.surface.high], [0, 6])
})

test("contour levels are round, and labelled ones among them", () => {
  const linear = levelsOf({ low: 0.3, high: 28.3 })
  assert.deepEqual([linear.start, linear.end, linear.size, linear.values], [1, 28, 1, [5, 10, 15, 20, 25]])
  // Five decades: five lines each, and a label at each power of ten.
  const decades = levelsOf({ low: -1.6, high: 3.4 })
  assert.ok(Math.abs(decades.size - 0.2) < 1e-12)
  assert.deepEqual(decades.values.map(value => levelText(value, true)), ["0.1", "1", "10", "100", "1000"])
  // Below its floor a height is no logarithm, so no power of ten is said of it.
  assert.deepEqual(levelsOf({ low: -1.6, high: 3.4, log: true, floor: 0.2 }).values.map(Math.round), [0, 1, 2, 3])
  assert.deepEqual([[5, true], [-4, true], [-2.5, false], [0.5, true]].map(([value, log]) => levelText(value, log)), ["1e5", "1e-4", "-2.5", "3.2"])
})

test("a label stands on its level's line, inside the map", () => {
  const labels = labelsOf(bowl())
  // That of 6 runs through the corners alone, too near to the edge.
  assert.deepEqual(new Set(labels.map(label => label.text)), new Set(["2", "4"]))
  for (const { x, y, text } of labels) {
    assert.ok(Math.abs(x * x + y * y - Number(text)) < 0.02)
    assert.ok(Math.max(Math.abs(x), Math.abs(y)) < 2 * 0.87)
  }
})

test("a path lies on the relief between two steps as well", () => {
  const surface = bowl(), way = relieved(surface, [[-1.5, 0], [1.5, 0], [3, 0]])
  const raise = way.z[0] - reliefAt(surface, -1.5, 0)
  assert.ok(raise > 0 && raise < 0.05 * 8)
  const between = way.at[0] + (way.at[1] - way.at[0]) / 2
  assert.ok(Math.abs(way.x[between]) < 1e-9 && Math.abs(way.z[between] - raise) < 1e-9)
  for (let i = 0; i <= way.at[1]; i++) assert.ok(Math.abs(way.z[i] - raise - reliefAt(surface, way.x[i], way.y[i])) < 1e-9)
  assert.equal(way.z[way.at[2]], null)
})

test("a trail adds the new steps alone, until the view changes or time runs back", () => {
  installPage()
  const trail = new Trail(root()), path = { shown: true, end: 9, color: "#112233", dash: "solid" }, asked = []
  const paint = (view, step) => trail.paint(view, [path], step, { paper: "#ffffff" }, (_, k, from, to, visit) => {
    asked.push([from, to])
    for (let i = from + 1; i <= to; i++) visit(10 * i, 0)
  })
  for (const [view, step] of [["a", 3], ["a", 3], ["a", 5], ["a", 12], ["a", 20], ["b", 20], ["b", 4]]) paint(view, step)
  assert.deepEqual(asked, [[-1, 3], [3, 5], [5, 9], [-1, 9], [-1, 4]])
  trail.reset()
  paint("b", 4)
  assert.deepEqual(asked.at(-1), [-1, 4])
  assert.deepEqual([trail.tips[0], trail.lengths[0]], [[40, 0], 40])
})

test("the legend has each name once and hides all its paths", async () => {
  const two = surfaceScene(), [path] = two.paths
  two.paths = [1, 2].map(i => ({ ...path, name: "SGD", label: `SGD, start ${i}` }))
  const { element, finishAll } = await mounted(mountSurface, two)
  await finishAll()
  const { chips, rows: table } = element.parts
  assert.deepEqual(chips.children.map(chip => chip.children.at(-1)), ["SGD"])
  chips.children[0].onclick()
  assert.deepEqual(table.children.map(row => row.className), ["hidden", "hidden"])
  assert.equal(chips.children[0].attributes["aria-pressed"], "false")
})

test("a saved picture of a surface names its function, its domain and its starts", () => {
  const scene = unpackSurface(surfaceScene())
  assert.equal(placeInWords(scene), "f(x, y) = x^2 + y^2 · x from -1 to 1, y from -1 to 1 · start (0, 0)")
  scene.starts = [[0, 0.123456], [-1, 2]]
  assert.equal(placeInWords(scene).split(" · ")[2], "starts (0, 0.1235), (-1, 2)")
})

test("the map tells a start outside the domain from a path that left it", () => {
  const path = (left, diverged) => ({ label: "SGD", color: "#112233", dash: "solid", shown: true, end: 2, left, diverged,
    x: Float32Array.of(2, 0.5, 3), y: Float32Array.of(0, 0, 0) })
  const paths = [path(0, -1), path(2, -1), path(0, 2), path(-1, -1)]
  const surface = { domain: [-1, 1, -1, 1], minima: [], low: 0, high: 1, log: false, fine: { x: [0, 1], y: [0, 1], z: [[0, 1], [0, 1]] } }
  const [traces] = mapFigure({ id: "bowl", surface, paths }, { line: "#000", major: "#000", paper: "#fff", text: "#000" })
  const marks = traces.at(-1)
  assert.deepEqual(marks.text, ["SGD starts outside the domain", "SGD left the domain at step 2", "SGD starts outside the domain, diverged at step 2"])
  assert.deepEqual(marks.x, [2, 1, 2])
  assert.deepEqual(marks.marker.symbol, ["circle-open", "circle-open", "x"])
})
