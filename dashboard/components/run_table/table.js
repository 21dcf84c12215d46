// A table of runs that keeps its order, filter and selection while what it shows changes.

import { cells, minute } from "./cells.js"
import { filtered } from "./filter.js"
import { element } from "../shared/dom.js"
import { counted } from "../shared/format.js"
import { lasting } from "../shared/lasting.js"
import { sparkScale } from "../shared/scales.js"

/** Rows drawn at first, and with each click on "more". */
const PAGE = 100
const REFRESH_MS = 1000
/** Filter and order are kept here, for one browser tab. */
const VIEW = "descent.runs"

const NO_MATCH = "No runs match. The filter knows whole words, fields such as optimizer:adam, rate:0.001, batch:64, epochs:5, seed:1, " +
  "schedule:cosine, tag:exam and owner:ada, and days: today, yesterday, 2026-11-29."

class RunTable {
  constructor(root) {
    this.root = root
    this.find = id => root.querySelector(`[data-testid="${id}"]`)
    this.lines = new Map()
    this.chosen = new Set()
    this.room = PAGE
    this.body = root.querySelector("tbody")
    this.more = root.querySelector(".runs-more")
    this.more.onclick = () => {
      this.room += PAGE
      this.draw()
    }
    this.choices = Object.fromEntries(["state", "owner", "tag"].map(kind => [kind, this.find(`filter-${kind}`)]))
    this.find("filter").oninput = () => this.applyFilter()
    for (const choice of Object.values(this.choices)) choice.onchange = () => this.applyFilter()
    this.timer = setInterval(() => this.refresh(), REFRESH_MS)
  }

  update(data, tell) {
    this.tell = tell
    this.address = data.address
    this.source = data.source
    const columns = JSON.stringify(data.columns)
    if (columns !== this.columnsAs) {
      this.columnsAs = columns
      this.columns = data.columns
      this.selectable = data.selectable
      this.sort = data.sort
      this.lines.clear()
      this.body.replaceChildren()
      this.drawHead()
    }
    this.empty = data.empty
    this.filters = data.filters
    const first = !this.mounted
    if (first) this.restore(data)
    this.mounted = true
    this.rows = data.rows
    // Python has drawn its buttons for these rows; at first it knows of no filter.
    this.sentStanding = this.standing(first ? this.rows : this.shown())
    this.setRows(data.rows)
  }

  /** Restore the choice from before the page was left, and this browser tab's filter and order. */
  restore({ chosen, filters }) {
    for (const id of chosen) this.chosen.add(id)
    const saved = filters && JSON.parse(sessionStorage.getItem(VIEW))
    if (!saved) return
    this.sort = saved.sort
    this.find("filter").value = saved.text
    for (const [kind, select] of Object.entries(this.choices)) {
      select.append(new Option(saved[kind], saved[kind]))
      select.value = saved[kind]
    }
  }

  /** Draw after a change of filter or order, and keep both. */
  applyFilter() {
    if (this.filters) {
      const filters = Object.entries(this.choices).map(([kind, select]) => [kind, select.value])
      sessionStorage.setItem(VIEW, JSON.stringify({ sort: this.sort, text: this.find("filter").value, ...Object.fromEntries(filters) }))
    }
    this.draw()
  }

  /** Show other rows, or the same with other values. */
  setRows(rows) {
    this.rows = rows
    this.scale = sparkScale(rows.map(row => row.curve ?? []))
    this.root.querySelector(".runs-filters").hidden = !this.filters
    this.fillChoices()
    const there = new Set(rows.map(row => row.id))
    if ([...this.chosen].some(id => !there.has(id))) this.choose([...this.chosen].filter(id => there.has(id)))
    this.draw()
  }

  /** Fetch the server's rows, without a script rerun; Python gets a message only if other buttons are offered. */
  async refresh() {
    if (document.hidden || this.fetching || !this.source) return
    this.fetching = true
    const reply = await fetch(this.source, { cache: "no-cache" }).then(response => (response.ok ? response.text() : null)).catch(() => null)
    this.fetching = false
    if (this.closed) return
    this.lost = reply === null
    if (this.lost) return this.sayCount()
    if (reply === this.reply) {
      this.sayCount()
      // Ages go on by themselves.
      if (minute() !== this.drawnAt) this.draw()
      return
    }
    this.reply = reply
    this.setRows(JSON.parse(reply))
  }

  /** The rows on the page: those that pass the filter, in order, as many as there is room for. */
  shown() {
    return this.visible().slice(0, this.room)
  }

  /** All that the page's buttons depend on: the shown rows that are chosen or interrupted, with their states. */
  standing(rows) {
    const standing = rows.map(row => [this.chosen.has(row.id) ? row.id : "", row.facets?.state[0], row.id])
    return standing.filter(([chosen, state]) => chosen || state === "interrupted").join()
  }

  /** Tell Python what its buttons act on: never a row that the filter hides. */
  sendChosen(shown) {
    this.sentStanding = this.standing(shown)
    const of = test => shown.filter(test).map(row => row.id)
    this.tell.state("chosen", {
      ids: of(row => this.chosen.has(row.id)), interrupted: of(row => row.facets.state[0] === "interrupted"),
      standing: this.sentStanding,
    })
  }

  choose(ids) {
    this.chosen = new Set(ids)
    this.draw()
  }

  fillChoices() {
    const labels = { state: "Any state", owner: "Anyone's", tag: "Any tag" }
    for (const [kind, select] of Object.entries(this.choices)) {
      const names = [...new Set(this.rows.flatMap(row => row.facets?.[kind] ?? []))].sort()
      if (select.value && !names.includes(select.value)) names.push(select.value)
      select.hidden = names.length === 0
      const wanted = [["", labels[kind]], ...names.map(name => [name, name])]
      if (select.options.length === wanted.length && wanted.every(([value], i) => select.options[i].value === value)) continue
      const chosen = select.value
      select.replaceChildren(...wanted.map(([value, text]) => new Option(text, value)))
      select.value = chosen
    }
  }

  drawHead() {
    const head = this.root.querySelector("thead tr")
    head.replaceChildren()
    if (this.selectable) {
      this.all = element("input", { type: "checkbox", ariaLabel: "Select all shown" })
      this.all.onchange = () => {
        const shown = this.shown().map(row => row.id)
        this.choose(this.all.checked ? [...new Set([...this.chosen, ...shown])] : [...this.chosen].filter(id => !shown.includes(id)))
      }
      head.append(element("th", { className: "choice" }, element("label", {}, this.all)))
    }
    for (const column of this.columns) {
      const cell = element("th", { scope: "col", className: column.classes })
      if (column.sort) {
        cell.append(element("button", {
          type: "button", textContent: column.title,
          onclick: () => {
            const same = this.sort.key === column.key
            this.sort = { key: column.key, descending: same ? !this.sort.descending : column.sort === "descending" }
            this.applyFilter()
          },
        }))
      } else cell.append(element("span", { textContent: column.title }))
      cell.dataset.key = column.key
      head.append(cell)
    }
  }

  /** The rows that pass the filter, in order; what has no value comes last. */
  visible() {
    const choices = Object.entries(this.choices).filter(([, select]) => select.value)
    const chosen = this.rows.filter(row => choices.every(([kind, select]) => row.facets[kind].includes(select.value)))
    const passing = filtered(chosen, this.find("filter").value)
    const { key, descending } = this.sort
    const value = row => row.order?.[key] ?? (typeof row[key] === "object" ? null : row[key])
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)]
      if (x === y) return 0
      if (x === null || x === undefined) return 1
      if (y === null || y === undefined) return -1
      return (x < y ? -1 : 1) * (descending ? -1 : 1)
    }
    return passing.sort(order)
  }

  line(row) {
    const content = `${minute()} ${this.scale} ${JSON.stringify(row)}`
    const kept = this.lines.get(row.id)
    if (kept?.content === content) return kept
    const line = kept ?? { element: document.createElement("tr"), at: {} }
    line.content = content
    line.element.dataset.run = row.id
    if (this.selectable && !line.box) {
      line.box = element("input", { type: "checkbox", ariaLabel: `Select ${row.label}` })
      line.box.onclick = event => this.click(row.id, event.shiftKey)
      line.element.append(element("td", { className: "choice" }, element("label", {}, line.box)))
    }
    for (const column of this.columns) {
      const text = JSON.stringify(row[column.key] ?? null) + (column.kind === "when" ? minute() : column.kind === "curve" ? this.scale : "")
      const cell = line.at[column.key] ?? { element: element("td", { className: column.classes }) }
      if (cell.text !== text) cell.element.replaceChildren(...cells[column.kind](this, row, row[column.key] ?? null))
      cell.text = text
      if (!line.at[column.key]) line.element.append(cell.element)
      line.at[column.key] = cell
    }
    this.lines.set(row.id, line)
    return line
  }

  click(id, range) {
    const shown = this.shown().map(row => row.id)
    const chosen = new Set(this.chosen)
    const change = chosen.has(id) ? each => chosen.delete(each) : each => chosen.add(each)
    // With Shift, all from the row that was clicked last.
    const ends = [range && shown.includes(this.last) ? this.last : id, id].map(each => shown.indexOf(each)).sort((a, b) => a - b)
    shown.slice(ends[0], ends[1] + 1).forEach(change)
    this.last = id
    this.choose(chosen)
  }

  close() {
    this.closed = true
    clearInterval(this.timer)
  }

  /** How many rows there are, pass the filter and are chosen; and whether they are old, since the lab does not answer. */
  chosenOf(shown) {
    return shown.filter(row => this.chosen.has(row.id)).length
  }

  sayCount(passing = this.visible().length, chosen = this.chosenOf(this.visible().slice(0, this.room))) {
    const hidden = this.chosen.size - chosen
    const parts = [`${passing < this.rows.length ? `${passing} of ` : ""}${counted(this.rows.length, "run")}`,
      ...(chosen ? [`${chosen} chosen`] : []), ...(hidden ? [`${hidden} chosen but hidden`] : []), ...(this.lost ? ["reconnecting…"] : [])]
    const text = parts.join(", ")
    if (this.find("count").textContent !== text) this.find("count").textContent = text
  }

  draw() {
    this.drawnAt = minute()
    const visible = this.visible(), shown = visible.slice(0, this.room)
    if (this.selectable && this.standing(shown) !== this.sentStanding) this.sendChosen(shown)
    for (const cell of this.root.querySelectorAll("th[data-key]")) {
      if (cell.dataset.key === this.sort.key) cell.ariaSort = this.sort.descending ? "descending" : "ascending"
      else cell.removeAttribute("aria-sort")
    }
    const wanted = new Set(shown.map(row => row.id))
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue
      line.element.remove()
      this.lines.delete(id)
    }
    shown.forEach((row, i) => {
      const line = this.line(row)
      line.element.classList.toggle("chosen", this.chosen.has(row.id))
      if (line.box) line.box.checked = this.chosen.has(row.id)
      if (this.body.rows[i] !== line.element) this.body.insertBefore(line.element, this.body.rows[i] ?? null)
    })
    for (const select of Object.values(this.choices)) select.classList.toggle("on", Boolean(select.value))
    const chosen = this.chosenOf(shown)
    this.sayCount(visible.length, chosen)
    if (this.all) {
      this.all.checked = shown.length > 0 && chosen === shown.length
      this.all.indeterminate = !this.all.checked && chosen > 0
    }
    this.find("empty").hidden = visible.length > 0
    this.find("empty").textContent = this.rows.length ? NO_MATCH : this.empty
    this.find("runs").hidden = visible.length === 0
    this.more.hidden = visible.length <= this.room
    this.more.textContent = `Show ${Math.min(PAGE, visible.length - this.room)} more`
  }
}

export default lasting(".runs", root => new RunTable(root),
  (table, { data, setStateValue, setTriggerValue }) => table.update(data, { state: setStateValue, trigger: setTriggerValue }))
