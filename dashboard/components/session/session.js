// A page whose connection is gone asks whether its key is still the lab's, and says when it is back. And the phone's
// menu and the browser's history; and what was typed into a select box.

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
let away = false

/** Follow the connection, CONNECTED or another state; `back` is called when it has come again. */
export function follow(connection, back, page = location) {
  const connected = connection === "CONNECTED"
  if (!connected) leave(page)
  else if (away) back()
  away = !connected
}

export default function ({ setTriggerValue }) {
  // Once: Streamlit may call this again between a press and its change of the address.
  if (!installed) onePressOneEntry()
  installed = true
  const timer = setInterval(() => {
    const app = document.querySelector("[data-test-connection-state]")
    if (app) follow(app.dataset.testConnectionState, () => setTriggerValue("back", true))
  }, PERIOD_MS)
  document.addEventListener("click", closeAfterChoice)
  const forgetTyped = watchTyped()
  return () => {
    clearInterval(timer)
    forgetTyped()
    document.removeEventListener("click", closeAfterChoice)
  }
}
