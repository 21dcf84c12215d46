// The ranking: a row a line, best first, kept up to date; a click on a row hides its line or brings it back.

const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length
const known = values => values.filter(value => value !== null && value !== undefined && Number.isFinite(value))
const share = value => `${(100 * value).toFixed(2)} %`

/** What a line has come to: the mean over its runs, their range, and how many they are. */
export function standing(line) {
  const runs = line.members
  const last = pick => known(runs.map(pick))
  const accuracy = last(run => run.epochs.accuracy.at(-1) ?? run.epochs.trainAccuracy.at(-1))
  return {
    line, accuracy, loss: last(run => run.smoothed?.at(-1)), test: last(run => run.test?.accuracy),
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

const HEAD = ["", "", "Validation", "Training loss", "Test", "Images/s", "Trained in"]
const NARROW = ["", "", "", "wide", "", "wide", "wide"]

function spread(values, write) {
  if (!values.length) return ["–", ""]
  const low = write(Math.min(...values)).replace(" %", "")
  const range = values.length > 1 ? `${low}–${write(Math.max(...values))}, n = ${values.length}` : ""
  return [write(mean(values)), range]
}

function cells(s, rank) {
  const state = s.line.members.find(run => !isOver(run))?.state ?? s.line.members[0]?.state ?? "queued"
  const [accuracy, range] = spread(s.accuracy, share)
  const [test, testRange] = spread(s.test, share)
  return [
    [s.broken ? "–" : String(rank + 1), ""],
    [s.line.name, s.broken ? state : s.progress >= 1 ? "" : state === "queued" ? "queued" : `${Math.floor(100 * s.progress)} %`],
    [accuracy, range],
    [s.loss.length ? mean(s.loss).toFixed(4) : "–", ""],
    [test, testRange],
    [s.speed.length ? Math.round(mean(s.speed)).toLocaleString("en") : "–", ""],
    [s.seconds.length === s.line.members.length && s.seconds.length ? `${mean(s.seconds).toFixed(1)} s` : "–", ""],
  ]
}

/** How long the longest queue of runs still takes at the present speed, in seconds, with `workers` at a time. */
export function timeLeft(lines) {
  const runs = lines.flatMap(line => line.members).filter(run => !isOver(run))
  const going = known(runs.map(secondsLeft))
  if (!going.length) return null
  return (mean(going) * runs.length) / Math.max(1, runs.filter(run => run.state === "running").length)
}

export class Ranking {
  constructor(root, onToggle, onFocus) {
    this.root = root
    this.rows = new Map()
    this.table = document.createElement("table")
    const head = this.table.createTHead().insertRow()
    HEAD.forEach((text, i) => {
      const cell = document.createElement("th")
      cell.scope = "col"
      cell.textContent = text
      cell.className = NARROW[i]
      head.append(cell)
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
      cell.className = NARROW[i]
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
      stroke.setAttribute("stroke-dasharray", { dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }[s.line.dash] ?? "")
      cells(s, rank).forEach(([text, small], i) => {
        const [span, note] = [row.cells[i].querySelector("span"), row.cells[i].querySelector("small")]
        if (span.textContent !== text) span.textContent = text
        if (note.textContent !== small) note.textContent = small
      })
      if (this.body.rows[rank] !== row) this.body.insertBefore(row, this.body.rows[rank] ?? null)
    })
  }
}
