// Several lines in one picture. A line is one run, or several that differ in their seed: then its mean and its band.

const GRID = 300

/** At most two points for each of `room` parts of what is visible: the smallest and the largest of the part. */
export function thin(x, y, [from, to], room) {
  const inside = []
  for (let i = 0; i < x.length; i++) {
    const seen = x[i] >= from && x[i] <= to
    if (seen || (x[i + 1] >= from && x[i] < from) || (x[i - 1] <= to && x[i] > to)) inside.push(i)
  }
  if (inside.length <= 2 * room) return { x: inside.map(i => x[i]), y: inside.map(i => y[i]) }
  const kept = []
  for (let part = 0; part < room; part++) {
    const start = Math.floor((part * inside.length) / room), end = Math.floor(((part + 1) * inside.length) / room)
    let low = inside[start], high = inside[start], gap = null
    for (let k = start; k < end; k++) {
      const i = inside[k]
      if (y[i] === null) gap = i
      else {
        if (y[low] === null || y[i] < y[low]) low = i
        if (y[high] === null || y[i] > y[high]) high = i
      }
    }
    kept.push(...[...new Set(gap === null ? [low, high] : [low, high, gap])].sort((a, b) => a - b))
  }
  return { x: kept.map(i => x[i]), y: kept.map(i => y[i]) }
}

/** The value of a curve at `at`, between its points by a straight line; null outside of it. */
function valueAt(x, y, at) {
  if (!x.length || at < x[0] || at > x.at(-1)) return null
  let low = 0, high = x.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (x[middle] <= at) low = middle
    else high = middle
  }
  if (x[high] === x[low] || y[low] === null || y[high] === null) return y[low]
  return y[low] + ((y[high] - y[low]) * (at - x[low])) / (x[high] - x[low])
}

/** Mean, smallest and largest of several curves, each `{ x, y }`, at the places `at`; over those that reach it. */
export function meanAndBand(curves, at) {
  const place = { x: [], y: [], low: [], high: [] }
  for (const x of at) {
    const values = curves.map(curve => valueAt(curve.x, curve.y, x)).filter(value => value !== null)
    if (!values.length) continue
    place.x.push(x)
    place.y.push(values.reduce((sum, value) => sum + value, 0) / values.length)
    place.low.push(Math.min(...values))
    place.high.push(Math.max(...values))
  }
  return place
}

const places = new Map()

/** The run's curves over the chosen axis; made anew only when the run, its smoothing or the axis has changed. */
function curvesOf(run, view) {
  // Events can come between smoothing and drawing: what is kept is of the events that were smoothed.
  const key = `${run.smoothedAs}/${view.unit}/${view.logX}`
  const kept = places.get(run.id)
  if (kept?.key === key) return kept.curves
  const place = placeOf(run, view.unit)
  // Steps count from 0, which a logarithmic axis does not have.
  const at = view.logX && view.unit === "step" ? step => place(step) + 1 : place
  const x = run.steps.map(at), ends = run.epochs.step.map(at)
  const { trainLoss, loss, trainAccuracy, accuracy } = run.epochs
  const curves = {
    raw: { x, y: run.losses }, loss: { x, y: run.smoothed }, rate: { x, y: run.rates },
    validationLoss: { x: ends, y: loss }, trainAccuracy: { x: ends, y: trainAccuracy },
    accuracy: { x: ends, y: accuracy.some(a => a !== null) ? accuracy : trainAccuracy },
    gap: { x: ends, y: loss.map((value, i) => (value === null ? null : value - trainLoss[i])) },
  }
  places.set(run.id, { key, curves })
  return curves
}

export function forget(ids) {
  for (const id of places.keys()) if (!ids.has(id)) places.delete(id)
}

const PANELS = {
  loss: { title: "Loss", share: 0.5 }, accuracy: { title: "Validation accuracy", share: 0.27 },
  gap: { title: "Generalisation gap (validation loss − training loss)", share: 0.2 },
  rate: { title: "Learning rate", share: 0.11 },
}
const RAW_LINES = 6

/** The panels that are shown, from the top, each with its axis and the part of the height that it fills. */
export function panels(view) {
  const names = ["loss", "accuracy", ...(view.gap ? ["gap"] : []), "rate"]
  const space = 0.085
  const whole = names.reduce((sum, name) => sum + PANELS[name].share, 0)
  let top = 1
  return names.map((name, i) => {
    const height = ((1 - space * (names.length - 1)) * PANELS[name].share) / whole
    const panel = { name, title: PANELS[name].title, axis: i ? `y${i + 1}` : "y", domain: [top - height, top] }
    top -= height + space
    return panel
  })
}

const faded = (color, share) => color + Math.round(255 * share).toString(16).padStart(2, "0")

export function overlayTraces(lines, view, range, room) {
  const axis = Object.fromEntries(panels(view).map(panel => [panel.name, panel.axis]))
  const alone = Object.values(axis).map(yaxis => ({ type: "scatter", x: [0], y: [null], yaxis, hoverinfo: "skip" }))
  return alone.concat(lines.flatMap(line => {
    if (line.hidden) return []
    const quiet = view.focus && view.focus !== line.name
    const strength = quiet ? 0.22 : 1
    const stroke = { color: line.color, dash: line.dash, width: view.focus === line.name ? 3 : 2 }
    const common = { type: "scatter", mode: "lines", name: line.name, opacity: strength }
    const all = line.members.filter(run => run.steps.length).map(run => curvesOf(run, view))
    const shown = []
    const add = (kind, panel, style, extra = {}) => {
      const curves = all.map(curves => curves[kind]).filter(curve => curve.x.length)
      const uid = `${line.runs[0]}-${kind}`
      if (curves.length === 1) {
        shown.push({ ...common, uid, yaxis: axis[panel], ...thin(curves[0].x, curves[0].y, range, room), line: style, ...extra })
      } else if (curves.length) {
        const ends = curves.map(curve => curve.x)
        const longest = ends.reduce((a, b) => (a.at(-1) >= b.at(-1) ? a : b))
        const from = Math.max(range[0], longest[0]), to = Math.min(range[1], longest.at(-1))
        const at = longest.length <= GRID ? longest : Array.from({ length: GRID }, (_, i) => from + ((to - from) * i) / (GRID - 1))
        const { x, y, low, high } = meanAndBand(curves, at)
        const band = { ...common, yaxis: axis[panel], hoverinfo: "skip", line: { width: 0 } }
        shown.push({ ...band, uid: `${uid}-low`, x, y: low },
          { ...band, uid: `${uid}-high`, x, y: high, fill: "tonexty", fillcolor: faded(line.color, 0.16 * strength) },
          { ...common, uid, yaxis: axis[panel], x, y, line: style, ...extra })
      }
    }
    if (all.length === 1 && lines.length <= RAW_LINES) {
      add("raw", "loss", { color: line.color, width: 1 }, { opacity: 0.2 * strength, hoverinfo: "skip" })
    }
    add("loss", "loss", stroke, { hovertemplate: "%{y:.4f}" })
    add("accuracy", "accuracy", stroke, { mode: "lines+markers", marker: { size: 5 }, hovertemplate: "%{y:.2%}" })
    if (view.gap) add("gap", "gap", stroke, { mode: "lines+markers", marker: { size: 5 }, hovertemplate: "%{y:.4f}" })
    add("rate", "rate", stroke, { hovertemplate: "%{y:.3~g}" })
    return shown
  }))
}

const TITLES = { step: "step", epoch: "epoch", time: "seconds of training" }
const HOVER = { step: "step %{x:,d}", epoch: "epoch %{x:.2f}", time: "%{x:.2f} s" }

/** How far the runs will go on the chosen axis, as far as that is known. */
export function extent(lines, view) {
  const runs = lines.flatMap(line => line.members).filter(run => run.size)
  const last = runs.map(run => {
    if (view.unit === "time") return placeOf(run, "time")(run.step ?? 0)
    return view.unit === "epoch" ? run.size.epochs : run.size.steps
  })
  const most = Math.max(...last, 0) || 1
  if (!view.logX) return [0, 1.01 * most]
  const first = runs.map(run => placeOf(run, view.unit)(view.unit === "step" ? 1 : Math.max(run.steps[1] ?? 1, 1)))
  return [Math.min(most / 10, Math.min(...first.filter(value => value > 0), most)), 1.05 * most]
}

/** The horizontal axis in the chosen unit; another unit or scale starts unzoomed. */
export const horizontal = (view, first, last) => ({
  type: view.logX ? "log" : "linear", range: view.logX ? [Math.log10(first), Math.log10(last)] : [first, last],
  uirevision: `${view.revision} ${view.unit} ${view.logX}`, title: { text: TITLES[view.unit], standoff: 6, font: { size: 12.5 } },
  tickformat: view.unit === "step" ? ",d" : "", hoverformat: view.unit === "step" ? ",d" : ".2f",
  unifiedhovertitle: { text: HOVER[view.unit] },
})

/** So many that plotly labels 1, 2 and 5 of each decade: with more, every digit of a single one; with fewer, powers. */
const logTicks = ([from, to]) => (to - from < 1.3 ? 3 : 4)

/** Room for all but the most extreme of some losses, as powers of ten. */
function logRange(losses) {
  const order = losses.filter(loss => loss > 0).sort((a, b) => a - b)
  if (!order.length) return [-1, 0.5]
  const at = share => Math.log10(order[Math.round(share * (order.length - 1))])
  return [at(0.003) - 0.15, at(0.997) + 0.15]
}

/** The learning rates' axis: logarithmic where lines are so far apart that all but the greatest would lie on zero. */
function rateAxis(lines) {
  const highest = lines.filter(line => !line.hidden).flatMap(line => line.members)
    .map(run => run.rates.reduce((most, rate) => Math.max(most, rate), 0)).filter(rate => rate > 0)
  const axis = { nticks: 3, tickformat: "~g" }
  if (!highest.length) return { ...axis, range: [0, 0.0012] }
  const [low, high] = [Math.min(...highest), Math.max(...highest)]
  if (high < 30 * low) return { ...axis, rangemode: "tozero" }
  return { ...axis, type: "log", range: [Math.log10(low) - 0.5, Math.log10(high) + 0.5] }
}

export function overlayLayout(lines, view, colors) {
  const narrow = view.width < 480
  const axis = { gridcolor: colors.grid, linecolor: colors.grid, zeroline: false, automargin: false, ticks: "" }
  const shown = panels(view)
  const empty = !lines.some(line => line.members.some(run => run.steps.length))
  const [first, last] = extent(lines, view)
  const accuracies = lines.filter(line => !line.hidden).flatMap(line => line.members)
    .flatMap(run => (run.epochs.accuracy.some(a => a !== null) ? run.epochs.accuracy : run.epochs.trainAccuracy))
    .filter(value => value !== null)
  // A lane that has learnt nothing would squeeze all others together; the ranking shows it all the same.
  const best = Math.max(...accuracies, 0.1)
  const lowest = accuracies.length ? Math.min(...accuracies.filter(value => value >= best - 0.25)) : 0.8
  const drawn = lines.filter(line => !line.hidden).flatMap(line => line.members).flatMap(run => run.smoothed ?? []).filter(Number.isFinite)
  const lossRange = view.log ? logRange(drawn) : [0, 1.1 * Math.max(...lines.flatMap(line => line.members).map(run => run.smoothed?.[0] ?? 0))]
  const styles = {
    loss: { type: view.log ? "log" : "linear", tickformat: "~g", nticks: view.log ? logTicks(lossRange) : 6, uirevision: `${view.revision} ${view.log}`,
      range: empty ? (view.log ? [-1, 0.5] : [0, 2.5]) : lossRange },
    accuracy: { tickformat: ".0%", nticks: 5, range: [lowest - 0.1 * (1 - lowest), 1 + 0.03 * (1 - lowest)] },
    gap: { nticks: 4, zeroline: true, zerolinecolor: colors.grid, ...(!accuracies.length && { range: [-0.1, 0.1] }) },
    rate: rateAxis(lines),
  }
  const figure = {
    uirevision: view.revision, autosize: true, showlegend: false, dragmode: "zoom",
    margin: { l: narrow ? 46 : 54, r: 8, t: 26, b: 38 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colors.font, color: colors.text, size: narrow ? 11 : 12.5 },
    hovermode: "x", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { color: colors.text, size: 12 } },
    grid: { rows: shown.length, columns: 1, subplots: shown.map(panel => [`x${panel.axis}`]) },
    xaxis: {
      ...axis, ...horizontal(view, first, last), anchor: shown.at(-1).axis, showticklabels: !empty, nticks: narrow ? 5 : 9,
    },
    annotations: shown.map(panel => ({
      text: `<b>${panel.title}</b>`, x: 0, y: panel.domain[1], xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false,
    })),
  }
  for (const panel of shown) figure[panel.axis.replace("y", "yaxis")] = { ...axis, ...styles[panel.name], domain: panel.domain }
  return figure
}
