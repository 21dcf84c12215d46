// As much of a page and of plotly.js as a player needs, so that it runs without a browser.

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], dataset: {}, style: {}, attributes: {}, handlers: {}, classes: new Set() })
    this.classList = { toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)), contains: name => this.classes.has(name) }
    this.clientWidth = this.clientHeight = 100
    this.isConnected = true
  }

  append(...children) { this.children.push(...children) }

  replaceChildren(...children) { this.children = children }

  appendChild(child) {
    this.children.push(child)
    return child
  }

  setAttribute(name, value) { this.attributes[name] = value }

  on(event, handler) { (this.handlers[event] ??= []).push(handler) }

  addEventListener() {}

  remove() { this.removed = true }

  setPointerCapture() {}

  getBoundingClientRect() { return { left: 0, top: 0 } }

  getContext() { return new Proxy({}, { get: (target, name) => target[name] ?? (() => {}), set: () => true }) }

  get rows() { return this.children }

  get cells() { return this.children }

  get all() { return this.children.flatMap(child => (child instanceof Element ? [child, ...child.all] : [])) }

  querySelectorAll(selector) {
    if (selector === "[data-part]") return Object.values(this.parts)
    return this.all.filter(child => selector === `${child.tag}.${child.className}` || (selector === ".handle" && child.className === "handle" && !child.removed))
  }

  querySelector() { return this }
}

export const PARTS = ["play", "back", "forward", "scrub", "step", "moment", "speed", "add", "inspect", "said", "map", "relief", "curves", "rows", "chips", "whole",
  "hint", "height", "work", "stage", "bar", "view"]

/** A player's root element, with all the parts of both players. */
export function root() {
  const element = new Element("section")
  element.parts = Object.fromEntries(PARTS.map(name => [name, Object.assign(new Element("div"), { dataset: { part: name }, value: "", parentElement: new Element("div") })]))
  element.parts.speed.value = "1"
  element.parts.view.value = "log"
  return element
}

/** Let all that waits on promises go on. */
export const settle = () => new Promise(resolve => setImmediate(resolve))

/** plotly.js that draws only when it is told to: `finish()` ends the oldest drawing. `calls` has all that was asked of it. */
export function stubPlotly() {
  const axis = { _offset: 0, _length: 100, l2p: value => value, d2p: value => value, p2d: value => value, range: [0, 1] }
  const calls = [], waiting = []
  const react = (plot, data, layout) => {
    calls.push(["react", plot.dataset.part])
    const scene = { _scene: { getCamera: () => layout.scene.camera } }
    plot._fullLayout = { xaxis: axis, yaxis: axis, yaxis2: axis, yaxis3: axis, yaxis4: axis, scene }
    plot.layout = layout
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  }
  const purge = plot => {
    calls.push(["purge", plot.dataset.part])
    delete plot._fullLayout
  }
  async function finish(count = 1) {
    for (let i = 0; i < count; i++) {
      waiting.shift().resolve()
      await settle()
    }
  }
  async function fail(error) {
    waiting.shift().reject(error)
    await settle()
  }
  return { calls, finish, fail, drawing: () => waiting.length, Plotly: { react, purge, Plots: { resize() {} } } }
}

let frames = []

/** Show a frame, and let all go on that has waited for one; the number of those. */
export async function frame() {
  const waiting = frames
  frames = []
  for (const callback of waiting) callback?.(performance.now())
  await new Promise(resolve => { setTimeout(resolve) })
  await settle()
  return waiting.filter(Boolean).length
}

/** Put the page's globals in place. Frames never come by themselves: `frame()` is one. */
export function installPage() {
  frames = []
  Object.assign(globalThis, {
    window: { addEventListener() {}, removeEventListener() {}, devicePixelRatio: 1 },
    document: { createElement: tag => new Element(tag), createElementNS: (_, tag) => new Element(tag) },
    getComputedStyle: () => ({ getPropertyValue: () => "" }),
    ResizeObserver: class { observe() {} disconnect() {} },
    requestAnimationFrame: callback => frames.push(callback),
    cancelAnimationFrame: id => { if (id) frames[id - 1] = null },
  })
}

/** A player on a page with a plotly.js that waits; `update` mounts it or gives it other data. */
export async function mounted(mount, scene) {
  installPage()
  const plotly = stubPlotly(), element = root()
  globalThis.window.Plotly = plotly.Plotly
  const update = data => mount({ data, parentElement: element, setTriggerValue() {} })
  const cleanUp = update(scene)
  const unmount = async () => {
    element.isConnected = false
    cleanUp()
    await new Promise(resolve => { setTimeout(resolve) })
  }
  /** Finish contours, curves and, a frame later, the relief. */
  const finishAll = async () => {
    await plotly.finish(2)
    await frame()
    await plotly.finish()
  }
  await settle()
  return { ...plotly, element, finishAll, update, unmount }
}

/** float32 values as Python packs them. */
export const packed = values => Buffer.from(Float32Array.from(values).buffer).toString("base64")

const GRID = { n: 2, z: packed([0, 1, 2, 3]) }

/** A scene of one walk with four steps. */
export const surfaceScene = (revision = "first") => ({
  revision, steps: 4, starts: [[0, 0]],
  surface: { id: "bowl", label: "Bowl", formula: "x^2 + y^2", domain: [-1, 1, -1, 1], minima: [[0, 0]], minimum: 0, log: false, fine: GRID, coarse: GRID },
  paths: [{ optimizer: "sgd", label: "SGD", color: "#112233", dash: "solid", rate: "0.1", left: -1, diverged: -1, reached: 2, final: 0, best: 0,
    fate: "reached the minimum",
    data: packed([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [5, 4, 3, 2, 1], [1, 1, 1, 1, 1], [2, 2, 2, 2, 2], [1, 1, 1, 1, NaN]].flat()) }],
})

/** A scene of one run at epochs 0, 1 and 3. */
export const landscapeScene = (revision = "first") => ({
  id: "plane", revision, stage: "", share: 1, domain: [-1, 1, -1, 1], axes: ["a", "b"], n: 2, loss: packed([1, 0.1, 10, 100]),
  accuracy: packed([0.1, 0.2, 0.3, 0.4]), live: null,
  paths: [{ item: "run:1", label: "Adam", model: false, color: "#112233", dash: "dash",
    points: packed([[0, 1, 3], [0, 2, 4], [1, 1, 1], [0, 0, 0], [2, 1, 0.5], [2, 1, 0.5], [0.1, 0.5, 0.9]].flat()), curve: packed([0, 3, 2, 0.5]) }],
})
