// What is saved of a chart: its numbers, and its figure with title, settings and legend.

import assert from "node:assert/strict"
import test from "node:test"
import { REPEATED } from "../../dashboard/components/shared/points.js"
import { numbersOf, pictured } from "../../dashboard/components/shared/saving.js"

const LINE = { type: "scatter", name: "smoothed", x: [0, 1, 2], y: [2.5, null, 0.5] }

test("numbers have the axes' names, and no line for a gap", () => {
  const layout = { xaxis: { title: { text: "step" } }, yaxis: { title: "loss" } }
  assert.equal(numbersOf([LINE], layout), "series,step,loss\nsmoothed,0,2.5\nsmoothed,2,0.5\n")
})

test("panels are told apart, and the parts of a line of several runs", () => {
  const layout = { meta: { panels: { y: "Loss", y2: "Accuracy" } }, xaxis: {}, yaxis: {}, yaxis2: {} }
  const traces = [LINE, { ...LINE, meta: "lowest", x: [0], y: [2] }, { x: [5], y: [0.97], yaxis: "y2", name: "validation" }]
  assert.equal(numbersOf(traces, layout).split("\n")[0], "panel,series,x,value")
  assert.deepEqual(numbersOf(traces, layout).split("\n").slice(3, 5), ['Loss,"smoothed, lowest",0,2', "Accuracy,validation,5,0.97"])
})

test("a curve cut at the axis's edge has its own values; marks and hidden curves have no line", () => {
  const cut = { ...LINE, y: [1, 1, 1], meta: { y: [300, 1, 1] } }
  const traces = [cut, { ...LINE, visible: false }, { ...LINE, uid: "raw-beyond" }, { x: [0], y: [null] }]
  assert.equal(numbersOf(traces, {}), "series,x,value\nsmoothed,0,300\nsmoothed,1,1\nsmoothed,2,1\n")
})

test("a map has its heights, a picture what its points say, parallel coordinates a line per run", () => {
  assert.equal(numbersOf([{ type: "contour", x: [0, 1], y: [5], z: [[7, 8]] }], {}), "x,y,height\n0,5,7\n1,5,8\n")
  assert.equal(numbersOf([{ type: "image", x0: 1, dx: 2, y0: 0, dy: 1, z: [[[0, 0, 0]]], customdata: [[["here", 3]]] }], {}),
    'x,y,height\n1,0,"here, 3"\n')
  const dimensions = [{ label: "Learning rate", values: [-1, -2], tickvals: [-2, -1], ticktext: ["0.01", "0.1"] }, { label: "Test", values: [0.9, 0.8] }]
  assert.equal(numbersOf([{ type: "parcoords", dimensions }], {}), "Learning rate,Test\n0.1,0.9\n0.01,0.8\n")
})

test("true values are saved where others are drawn, under the axes' names and without tags", () => {
  const drawn = { x: [1, 2], y: [0.87, 0.9], customdata: ["a", "b"], meta: { x: [1, 5000], y: [0.1135, 0.9] } }
  const layout = { meta: { x: "step" }, xaxis: { title: { text: "step, counted from 1" } }, yaxis: { title: { text: "accuracy<br><b>lower</b>" } } }
  assert.equal(numbersOf([drawn, { x: [9], y: [9], meta: REPEATED }, { z: [[9]], meta: REPEATED }], layout),
    "step,accuracy  lower \n1,0.1135\n5000,0.9\n")
  const map = { type: "contour", x: [0, 1], y: [5], z: [[0, 1]], meta: { z: [[1, 10]] } }
  assert.equal(numbersOf([map], { meta: { z: "f" } }), "x,y,f\n0,5,1\n1,5,10\n")
  const dimensions = [{ label: "Test", values: [0.9, 0.9] }, { label: "Rate", values: [-2, -1], tickvals: [-1], ticktext: ["0.1"] }]
  assert.equal(numbersOf([{ dimensions, meta: { Test: [0.9, null], Rate: [0.01, 0.1] } }], {}), "Test,Rate\n0.9,0.01\n,0.1\n")
})

test("a trace that plotly has named has no name", () => {
  assert.equal(numbersOf([{ name: "trace 0", x: [1], y: [2] }], {}), "x,value\n1,2\n")
})

test("text that a spreadsheet would take for a formula is only text", () => {
  assert.equal(numbersOf([{ name: '=HYPERLINK("a")', x: [1], y: [2] }], {}).split("\n")[1], `"'=HYPERLINK(""a"")",1,2`)
})

const COLORS = { paper: "#fff", text: "#000", font: "sans" }
const strokes = [
  { name: "A", x: [0], y: [0], opacity: 0.2, line: { width: 1 } }, { name: "A", x: [0], y: [0], line: { width: 2 } },
  { name: "<b>B", x: [0], y: [0] }, { name: "beyond the axis", showlegend: false, x: [0], y: [0] },
]

test("a picture has title, settings in lines that fit, and one entry of a legend per name", () => {
  const about = { title: "Loss & <i>", settings: "rate 0.1 · batch 64 · ".repeat(20).trim() }
  const { data, layout } = pictured({ data: strokes, layout: { margin: { l: 46, t: 26, b: 38 } } }, about, COLORS, 960, 500)
  assert.deepEqual(data.map(trace => trace.showlegend), [false, true, true, false])
  assert.equal(data[2].name, "&lt;b>B")
  const lines = layout.title.text.split("<br>")
  assert.equal(lines[0], "<b>Loss &amp; &lt;i></b>")
  assert.ok(lines.length > 2 && lines.every(line => line.replace(/<[^>]+>/g, "").length <= 146))
  assert.equal(layout.showlegend, true)
  // The plot itself is as high as on the page.
  assert.equal(layout.height - layout.margin.t - layout.margin.b, 500 - 26 - 38 + 14)
})

test("one name alone needs no legend, and legends inside panels stay there", () => {
  const one = pictured({ data: [strokes[1]], layout: {} }, { title: "T" }, COLORS, 960, 300)
  assert.equal(one.layout.showlegend, false)
  const own = pictured({ data: strokes, layout: { showlegend: true, legend: { y: 1 }, legend2: { y: 0.4 } } }, { title: "T" }, COLORS, 960, 300)
  assert.deepEqual([own.layout.legend.y, own.data[0].showlegend], [1, undefined])
})

test("a legend stands below all that the axis has, in as many rows as it has, in a font that a picture can have", () => {
  const line = name => ({ name, x: [0], y: [0] })
  const made = (names, width) => pictured({ data: names.map(line), layout: { margin: { b: 30 }, font: { family: "Own", size: 12 } } }, { title: "T" },
    COLORS, width, 300).layout
  const { legend, margin, font, title, height } = made(["one", "two"], 960)
  assert.deepEqual([legend.yref, legend.y, legend.yanchor, margin.b, height], ["container", 0, "bottom", 52, 374])
  // The page's own is not loaded in a picture, so texts would be measured in another one than they are drawn in.
  assert.deepEqual([font, title.font.family], [{ family: "Arial, Helvetica, sans-serif", size: 12 }, "Arial, Helvetica, sans-serif"])
  // Three columns as wide as the longest, though two rows would hold the sum of their widths.
  const long = "a name of thirty characters ..."
  assert.equal(made([long, ...Array.from({ length: 14 }, (_, i) => `${i}`)], 960).margin.b, 30 + 5 * 22)
})

test("a word that no line can hold goes on in the next", () => {
  const { layout } = pictured({ data: strokes, layout: {} }, { title: "T", settings: `f = ${"x+".repeat(100)}x` }, COLORS, 960, 300)
  const lines = layout.title.text.split("<br>").slice(1).map(line => line.replace(/<[^>]+>/g, ""))
  // Plotly sets lines 1.3 times the title's 17 pixels apart.
  assert.equal(layout.margin.t, 8 + 38 + 3 * 22)
  assert.deepEqual(lines, ["f =", `${"x+".repeat(72)}x`, `${"+x".repeat(28)}`])
})
