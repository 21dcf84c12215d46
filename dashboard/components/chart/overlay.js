// Several lines in one picture. A line is one run, or several that differ in their seed: then its mean and its band.

import { counted, extent, frame, horizontal, named, panelTitle, positionOf, verticalAxis } from "./axes.js"
import { accuracyScale, arrows, clipped, edgeOf, gapScale, lossScale, rateScale } from "../shared/scales.js"
import { meanAndBand, spaced, thin } from "../shared/series.js"
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
    accuracy: { x: ends, y: accuracy },
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
  loss: { title: "Loss", share: 0.5 }, accuracy: { share: 0.27 },
  gap: { title: "Generalisation gap (validation loss − training loss)", share: 0.2 },
  rate: { title: "Learning rate", share: 0.11 },
}
const ACCURACIES = { accuracy: "Validation accuracy", trainAccuracy: "Training accuracy" }
const RAW_LINES = 6

const isValidated = lines => lines.some(line => line.members.some(run => run.epochs.accuracy.some(value => value !== null)))

/** The accuracy that is shown: that of training where no run has another; beside validation it would be taken for it. */
function accuracyKind(lines) {
  const trained = lines.some(line => line.members.some(run => run.epochs.trainAccuracy.length))
  return trained && !isValidated(lines) ? "trainAccuracy" : "accuracy"
}

/** The panels that are shown, from the top, each with its axis and the part of the height that it fills. */
export function panels(view, lines) {
  const names = ["loss", "accuracy", ...(view.gap ? ["gap"] : []), "rate"]
  const space = 0.085
  const whole = names.reduce((sum, name) => sum + PANELS[name].share, 0)
  let top = 1
  return names.map((name, i) => {
    const height = ((1 - space * (names.length - 1)) * PANELS[name].share) / whole
    const title = PANELS[name].title ?? ACCURACIES[accuracyKind(lines)]
    const panel = { name, title, axis: i ? `y${i + 1}` : "y", domain: [top - height, top] }
    top -= height + space
    return panel
  })
}

/** The lines' traces in `range`, thinned to `room` parts; `edges` are the upper ends of the panels. */
export function overlayTraces(lines, view, range, room, edges) {
  const axis = Object.fromEntries(panels(view, lines).map(panel => [panel.name, panel.axis]))
  const alone = Object.values(axis).map(yaxis => ({ type: "scatter", x: [0], y: [null], yaxis, hoverinfo: "skip" }))
  return counted(alone.concat(lines.flatMap(line => {
    if (line.hidden) return []
    const quiet = view.focus && view.focus !== line.name
    const strength = quiet ? 0.22 : 1
    const stroke = { color: line.color, dash: line.dash, width: view.focus === line.name ? 3 : 2 }
    const common = { type: "scatter", mode: "lines", name: line.name, opacity: strength }
    const all = line.members.filter(run => run.steps.length).map(run => curvesOf(run, view))
    const shown = []
    const add = (kind, panel, style, format, extra = {}) => {
      const curves = all.map(each => each[kind]).filter(curve => curve.x.length)
      const uid = `${line.runs[0]}-${kind}`, yaxis = axis[panel]
      let curve
      // Thinned for the screen, anew at every zoom: the cost of drawing does not grow with the runs' lengths.
      if (curves.length === 1) curve = thin(curves[0].x, curves[0].y, range, room)
      else if (curves.length) {
        const ends = curves.map(each => each.x)
        const longest = ends.reduce((a, b) => (a.at(-1) >= b.at(-1) ? a : b))
        const from = Math.max(range[0], longest[0]), to = Math.min(range[1], longest.at(-1))
        const at = longest.length <= GRID ? longest : spaced(from, to, GRID)
        const { x, y, low, high } = meanAndBand(curves, at)
        const band = { ...common, yaxis, line: { width: 0 } }
        const bound = (values, meta) => ({ ...clipped({ x, y: values }, edges[panel], format), hoverinfo: "skip", hovertemplate: null, meta })
        shown.push({ ...band, uid: `${uid}-low`, ...bound(low, "lowest") },
          { ...band, uid: `${uid}-high`, ...bound(high, "highest"), fill: "tonexty", fillcolor: faded(line.color, 0.16 * strength) })
        curve = { x, y }
      }
      if (!curve) return
      shown.push({ ...common, uid, yaxis, ...clipped(curve, edges[panel], format), line: style, ...extra })
      if (kind !== "raw") {
        const marks = { uid: `${uid}-beyond`, name: line.name, yaxis, opacity: strength, marker: { color: line.color } }
        shown.push(...arrows(curve, edges[panel], marks))
      }
    }
    const dots = { mode: "lines+markers", marker: { size: 5 } }
    if (all.length === 1 && lines.length <= RAW_LINES) {
      add("raw", "loss", { color: line.color, width: 1 }, ".4f", { meta: "each step", opacity: 0.2 * strength, hoverinfo: "skip", hovertemplate: null })
    }
    add("loss", "loss", stroke, ".4f")
    add(accuracyKind(lines), "accuracy", stroke, ".2%", dots)
    if (view.gap) add("gap", "gap", stroke, ".4f", dots)
    add("rate", "rate", stroke, ".3~g")
    return shown
  })), view)
}

/** The scales of the panels, over the lines that are shown. */
export function overlayScales(lines, view) {
  const runs = lines.filter(line => !line.hidden).flatMap(line => line.members).filter(run => run.steps.length)
  const curves = runs.map(run => curvesOf(run, view))
  const loss = lossScale(curves.map(each => [each.loss.y ?? []]), view.log)
  return {
    loss, accuracy: accuracyScale(curves.map(each => each[accuracyKind(lines)].y)),
    gap: gapScale(curves.map(each => each.gap.y), edgeOf(loss)), rate: rateScale(runs.map(run => run.rates)),
  }
}

export function overlayLayout(lines, view, colors, scales) {
  const axis = verticalAxis(colors)
  const shown = panels(view, lines)
  const empty = !lines.some(line => line.members.some(run => run.steps.length))
  const [first, last] = extent(lines, view)
  const styles = {
    loss: { ...scales.loss, tickformat: "~g", uirevision: `${view.revision} ${view.log}` }, accuracy: scales.accuracy,
    gap: { ...scales.gap, zeroline: true, zerolinecolor: colors.grid }, rate: { ...scales.rate, tickformat: "~g" },
  }
  const figure = {
    ...frame(view, colors), showlegend: false, meta: named(view, Object.fromEntries(shown.map(panel => [panel.axis, panel.title]))), hovermode: "x", hoverlabel: { bgcolor: colors.paper, bordercolor: colors.grid, font: { color: colors.text, size: 12 } },
    grid: { rows: shown.length, columns: 1, subplots: shown.map(panel => [`x${panel.axis}`]) },
    xaxis: { ...axis, ...horizontal(view, first, last), anchor: shown.at(-1).axis, showticklabels: !empty },
    annotations: shown.map(panel => panelTitle(panel.title, panel.domain[1])),
  }
  for (const panel of shown) figure[panel.axis.replace("y", "yaxis")] = { ...axis, ...styles[panel.name], domain: panel.domain }
  return figure
}
