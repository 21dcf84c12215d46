// Shows HTML, and tells the page the value of what is clicked in it.

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".clickable")
  if (root.shown !== data.html) {
    const focused = root.getRootNode().activeElement?.dataset?.value
    root.innerHTML = root.shown = data.html
    // For those who go by keyboard: what was chosen keeps the focus though it is drawn anew.
    if (focused) root.querySelector(`[data-value="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
  }
  root.onclick = event => {
    const target = event.target.closest("[data-value]")
    if (target) setTriggerValue("clicked", target.dataset.value)
  }
}
