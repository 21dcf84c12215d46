// Several lines in one picture. A line is one run, or several that differ in their seed: then its mean and its band.

import { extent, frame, horizontal, panelTitle, positionOf, verticalAxis } from "./axes.js"
import { logRange, logTicks, meanAndBand, spaced, thin } from "../shared/series.js"
import { faded } from "../shared/theme.js"

/** Places at which the mean of several runs is computed, where they have more points. */
const GRID = 300

/** Each run's curves over the axis that they were last drawn on. */
const cache = new Map()

/** The run's curves over the chosen axis; made anew only when the run, its smoothing or the axis has changed. */
function curvesOf(run, view) {
  // Events can come between smoothing and drawing: the cache holds what was smoothed.
  const key = `${run.smoothedAs}/${view.unit}/${view.logX}`
  const kept = cache.get(run.id)
  if (kept?.key === key) return kept.curves
  const at = positionOf(run, view)
  const x = run.steps.map(at), ends = run.epochs.step.map(at)
  const { trainLoss, loss, trainAccuracy, accuracy } = run.epochs
  const curves = {
    raw: { x, y: run.losses }, loss: { x, y: run.smoothed }, rate: { x, y: run.rates },
    validationLoss: { x: ends, y: loss }, trainAccuracy: { x: ends, y: trainAccuracy },
    accuracy: { x: ends, y: accuracy.some(a => a !== null) ? accuracy : trainAccuracy },
    gap: { x: ends, y: loss.map((value, i) => (value === null ? null : value - trainLoss[i])) },
  }
  cache.set(run.id, { key, curves })
  return curves
}

/** Drop the curves of all runs but these. */
export function keepOnly(ids) {
  for (const id of cache.keys()) if (!ids.has(id)) cache.delete(id)
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
      const curves = all.map(each => each[kind]).filter(curve => curve.x.length)
      const uid = `${line.runs[0]}-${kind}`
      if (curves.length === 1) {
        // Thinned for the screen, anew at every zoom: the cost of drawing does not grow with the runs' lengths.
        shown.push({ ...common, uid, yaxis: axis[panel], ...thin(curves[0].x, curves[0].y, range, room), line: style, ...extra })
      } else if (curves.length) {
        const ends = curves.map(curve => curve.x)
        const longest = ends.reduce((a, b) => (a.at(-1) >= b.at(-1) ? a : b))
        const from = Math.max(range[0], longest[0]), to = Math.min(range[1], longest.at(-1))
        const at = longest.length <= GRID ? longest : spaced(from, to, GRID)
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
  const axis = verticalAxis(colors)
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
    ...frame(view, colors), showlegend: false, hovermode: "x", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { color: colors.text, size: 12 } },
    grid: { rows: shown.length, columns: 1, subplots: shown.map(panel => [`x${panel.axis}`]) },
    xaxis: { ...axis, ...horizontal(view, first, last), anchor: shown.at(-1).axis, showticklabels: !empty },
    annotations: shown.map(panel => panelTitle(panel.title, panel.domain[1])),
  }
  for (const panel of shown) figure[panel.axis.replace("y", "yaxis")] = { ...axis, ...styles[panel.name], domain: panel.domain }
  return figure
}
