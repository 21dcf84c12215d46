// One press, one entry in the browser's history: Back leads to what was there before the press.
//
// Streamlit makes an entry for each change of the address that reaches the browser. A page that completes its address
// would have two; and a message that was on its way when the visitor went back would bring the page just left in again,
// so that the next Back leads to the wrong page.

const PRESSES = ["click", "keydown"]

/** Let the page make an entry only for the first change behind a press, and replace it at all others: until it ends. */
export function onePressOneEntry(page = window) {
  const { document, history } = page
  const push = history.pushState
  // Its script comes with the first page, and may be later than the first press.
  let pressed = page.navigator.userActivation?.hasBeenActive ?? true
  for (const kind of PRESSES) document.addEventListener(kind, () => (pressed = true), true)
  page.addEventListener("popstate", () => (pressed = false), true)
  history.pushState = (...entry) => {
    if (pressed) push.apply(history, entry)
    else history.replaceState(...entry)
    pressed = false
  }
}
