// The ranking: a row per line of the picture, best first, kept up to date; a click on a row hides or shows its line.

import { isOver, secondsFrom, secondsLeft, trainingLoss } from "./run.js"
import { dashArray, element } from "../shared/dom.js"
import { count, duration, ending, loss, NOTHING, percent, spread } from "../shared/format.js"
import { known, mean } from "../shared/series.js"

/** A line's figures, each as the values of its runs that have it; and how far its runs are. */
export function standing(line) {
  const runs = line.members
  const last = pick => known(runs.map(pick))
  const accuracy = last(run => run.epochs.accuracy.at(-1))
  return {
    line, accuracy, loss: last(trainingLoss), test: last(run => run.test?.accuracy),
    speed: last(run => run.speed), seconds: last(run => run.seconds),
    broken: runs.length > 0 && runs.every(run => run.state === "diverged" || run.state === "failed"),
    over: runs.filter(isOver).length,
    progress: runs.length ? mean(runs.map(run => (isOver(run) ? 1 : run.size && run.step !== null ? run.step / run.size.steps : 0))) : 0,
  }
}

/** Best first: by accuracy; lines without one yet by their loss; what diverged comes last. */
export function ranked(lines) {
  const order = (a, b) =>
    a.broken - b.broken ||
    (b.accuracy.length > 0) - (a.accuracy.length > 0) ||
    (a.accuracy.length ? mean(b.accuracy) - mean(a.accuracy) : 0) ||
    (b.loss.length > 0) - (a.loss.length > 0) ||
    (a.loss.length ? mean(a.loss) - mean(b.loss) : 0)
  return lines.map(standing).sort(order)
}

const HEAD = ["", "", "Last validation", "Training loss", "Test", "Images/s", "Trained in"]
/** A column's class: `wide` is left out where there is little room. */
const CLASSES = ["", "", "", "wide", "", "wide", "wide"]

function cells(s, rank) {
  const state = s.line.members.find(run => !isOver(run))?.state ?? s.line.members[0]?.state ?? "queued"
  // Of several seeds the best one counts.
  const guessed = s.test.length && ending("finished", Math.max(...s.test)) !== "finished" ? "only guesses" : ""
  const average = values => (values.length ? mean(values) : null)
  const timed = s.seconds.length === s.line.members.length ? average(s.seconds) : null
  return [
    [s.broken ? NOTHING : String(rank + 1), ""],
    [s.line.name, s.broken ? state : s.progress >= 1 ? guessed : state === "queued" ? "queued" : `${Math.floor(100 * s.progress)}%`],
    spread(s.accuracy, percent),
    [loss(average(s.loss)), ""],
    spread(s.test, percent),
    [count(average(s.speed)), ""],
    [duration(timed), ""],
  ]
}

/** Seconds until all runs are over at the present speed, as many at a time as run now; null before any speed is known. A run
 * that waits is taken to last as long as the mean of those that train or are finished. */
export function timeLeft(lines) {
  const all = lines.flatMap(line => line.members), open = all.filter(run => !isOver(run))
  const whole = known(all.map(run => (run.state === "finished" ? run.seconds : isOver(run) ? null : secondsFrom(run, 0))))
  if (!open.length || !whole.length) return null
  const left = open.map(run => secondsLeft(run) ?? mean(whole))
  return Math.max(...left, left.reduce((a, b) => a + b) / Math.max(1, open.filter(run => run.state === "running").length))
}

export class Ranking {
  constructor(root, onToggle, onFocus) {
    this.root = root
    this.rows = new Map()
    this.table = document.createElement("table")
    const head = this.table.createTHead().insertRow()
    HEAD.forEach((text, i) => {
      head.append(element("th", { scope: "col", textContent: text, className: CLASSES[i] }))
    })
    this.body = this.table.createTBody()
    root.replaceChildren(this.table)
    this.onToggle = onToggle
    this.onFocus = onFocus
  }

  row(line) {
    if (this.rows.has(line.name)) return this.rows.get(line.name)
    const row = document.createElement("tr")
    row.dataset.line = line.name
    HEAD.forEach((_, i) => {
      const cell = row.insertCell()
      cell.className = CLASSES[i]
      if (i === 1) {
        cell.innerHTML = '<button type="button"><svg width="26" height="10" aria-hidden="true"><line x1="1" y1="5" x2="25" y2="5"/></svg>' +
          '<span></span><small></small></button>'
      } else cell.innerHTML = "<span></span><small></small>"
    })
    const button = row.querySelector("button")
    button.onclick = () => this.onToggle(line.name)
    row.onpointerenter = () => this.onFocus(line.name)
    row.onpointerleave = () => this.onFocus(null)
    button.onfocus = () => this.onFocus(button.matches(":focus-visible") ? line.name : null)
    button.onblur = () => this.onFocus(null)
    this.rows.set(line.name, row)
    return row
  }

  draw(lines) {
    const standings = ranked(lines)
    for (const [name, row] of this.rows) {
      if (lines.some(line => line.name === name)) continue
      row.remove()
      this.rows.delete(name)
    }
    standings.forEach((s, rank) => {
      const row = this.row(s.line)
      row.classList.toggle("hidden", Boolean(s.line.hidden))
      const button = row.querySelector("button")
      button.setAttribute("aria-pressed", String(!s.line.hidden))
      button.title = s.line.hidden ? "Show this line" : "Hide this line"
      const stroke = row.querySelector("line")
      stroke.setAttribute("stroke", s.line.color)
      stroke.setAttribute("stroke-width", "3")
      stroke.setAttribute("stroke-dasharray", dashArray(s.line.dash))
      cells(s, rank).forEach(([text, small], i) => {
        const [span, note] = [row.cells[i].querySelector("span"), row.cells[i].querySelector("small")]
        if (span.textContent !== text) span.textContent = text
        if (note.textContent !== small) note.textContent = small
      })
      if (this.body.rows[rank] !== row) this.body.insertBefore(row, this.body.rows[rank] ?? null)
    })
  }
}
