// What was typed into a select box that takes values of one's own: it counts with Enter and as soon as the box is left,
// as in every other field. Streamlit forgets it when the box is left, and in a box of several values Enter takes the
// first value that has it in itself: 2048 for 48. A run would train with that.

const KINDS = ["input", "keydown", "focusout"]
/** What each box has been seen to offer of what was typed: scrolling closes its list and leaves the text. */
const offered = new WeakMap()
/** The boxes in whose list the visitor has gone on by the arrows: their Enter means another value. */
const walked = new WeakSet()

/** The option of the field's open list that is what was typed, as one of its values or as a new one. */
function optionOf(field) {
  const list = field.ownerDocument.getElementById(field.getAttribute("aria-controls"))
  const options = [...list?.querySelectorAll("[role=option]") ?? []]
  return options.find(({ textContent }) => textContent === field.value || textContent === `Add: ${field.value}`)
}

/** True if the field is being left. */
function leaves({ type, key, target }) {
  // A list that moves a focus of its own says so with the same events; the browser's stays in the field.
  return type === "keydown" ? key === "Tab" : target.ownerDocument.activeElement !== target
}

/** Choose what was typed into a select box, if its list offers that, at Enter and when the box is left. */
export function keepTyped(event) {
  const { target: field, type, key } = event
  if (field.getAttribute?.("role") !== "combobox" || !field.value) return
  if (type === "input") {
    walked.delete(field)
    // The list is drawn behind the event.
    requestAnimationFrame(() => optionOf(field) && offered.set(field, field.value))
  } else if (type === "keydown" && /^Arrow(Up|Down)$/.test(key)) {
    walked.add(field)
  } else if (type === "keydown" && key === "Enter" && !event.isComposing && !walked.has(field)) {
    const option = optionOf(field)
    if (!option) return
    event.preventDefault()
    event.stopPropagation()
    option.click()
  } else if (leaves(event)) {
    const option = optionOf(field)
    if (option) option.click()
    else if (offered.get(field) === field.value) {
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }))
    }
    offered.delete(field)
  }
}

/** Watch all fields of the page, before Streamlit does. */
export function watchTyped(page = document) {
  for (const kind of KINDS) page.addEventListener(kind, keepTyped, { capture: true })
  return () => KINDS.forEach(kind => page.removeEventListener(kind, keepTyped, { capture: true }))
}
