// A player as a component of a page.

import { lasting } from "../shared/lasting.js"
import { plotly } from "../shared/plotly.js"

/** The player of one element, made once plotly.js is there. */
class Mounted {
  constructor(root, Kind) {
    Object.assign(this, { root, Kind })
  }

  async update({ data, setTriggerValue }) {
    const Plotly = await plotly(this.root)
    // plotly.js has come after the page has taken the component away.
    if (!this.root.isConnected && !data.still) return
    this.player ??= new this.Kind(this.root, Plotly)
    await this.player.update(data, setTriggerValue)
  }

  close() {
    this.player?.close()
  }
}

/** The component whose player is a `Kind`, on the element that `selector` finds. */
export const component = (selector, Kind) => lasting(selector, root => new Mounted(root, Kind),
  (mounted, given) => mounted.update(given).catch(error => console.error(error)))
