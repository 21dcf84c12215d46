// A player as a component of a page.

import { plotly } from "../shared/plotly.js"

/** The component whose player is a `Kind`, on the element that `selector` finds. */
export function component(selector, Kind) {
  const players = new WeakMap()
  return ({ data, parentElement, setTriggerValue }) => {
    const root = parentElement.querySelector(selector)
    const update = Plotly => {
      // plotly.js has come after the page has taken the component away.
      if (!root.isConnected && !data.still) return
      if (!players.has(root)) players.set(root, new Kind(root, Plotly))
      return players.get(root).update(data, setTriggerValue)
    }
    plotly(root).then(update).catch(error => console.error(error))
    // As in lasting.js: the clean-up of a call may come after the next one.
    return () => setTimeout(() => {
      if (root.isConnected) return
      players.get(root)?.close()
      players.delete(root)
    })
  }
}
