// Back to the sign-in: a page whose connection is gone asks whether its key is still the lab's. And the phone's menu
// and the browser's history; and what was typed into a select box.

import { onePressOneEntry } from "./history.js"
import { closeAfterChoice } from "./menu.js"
import { watchTyped } from "./typed.js"

const PERIOD_MS = 1000

/** Load the page again if the lab refuses this browser's key. A lab that does not answer may come back. */
export async function leave(page = location) {
  const answer = await fetch(page.pathname, { method: "HEAD", cache: "no-store" }).catch(() => null)
  if (answer?.status === 401) page.reload()
}

let installed = false

export default function () {
  // Once: Streamlit may call this again between a press and its change of the address.
  if (!installed) onePressOneEntry()
  installed = true
  const timer = setInterval(() => {
    const app = document.querySelector("[data-test-connection-state]")
    if (app && app.dataset.testConnectionState !== "CONNECTED") leave()
  }, PERIOD_MS)
  document.addEventListener("click", closeAfterChoice)
  const forgetTyped = watchTyped()
  return () => {
    clearInterval(timer)
    forgetTyped()
    document.removeEventListener("click", closeAfterChoice)
  }
}
