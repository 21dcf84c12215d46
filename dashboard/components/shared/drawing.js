// Drawing with plotly, one at a time: it finishes some of its work later, and a second drawing would find it half done.

export class Drawing {
  /** `work` draws and may wait; it should return early once `closed` is true. `repeat` is called after a drawing during
   * which another one was requested; by default it draws again at once. */
  constructor(work, repeat = () => this.request()) {
    Object.assign(this, { work, repeat, busy: false, again: false, closed: false })
  }

  async request() {
    if (this.closed) return
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    this.again = false
    try {
      await this.work()
    } finally {
      // In any case: after an error the next request may succeed.
      this.busy = false
      if (this.closed) this.release()
    }
    if (this.again && !this.closed) await this.repeat()
  }

  /** To be called by `work` when it has waited and draws now: what was requested until then is in this drawing. */
  begin() { this.again = false }

  /** Draw no more; `release` frees the plots, after the present drawing if there is one. */
  close(release) {
    this.closed = true
    this.release = release
    if (!this.busy) release()
  }
}

/** Resolves when the browser has shown a frame; at once in a hidden window, which shows none. */
export const frameShown = () => new Promise(resolve => {
  if (document.hidden) resolve()
  else requestAnimationFrame(() => setTimeout(resolve))
})

/** Who waits for a turn, in the order in which they asked. */
const waiting = []
let taken = false

/** Resolves when `place`, an element, may be drawn: at once, or a frame after the last one, those in the window first. Drawn all
 * at once, the figures of a page would hold up their first picture and every click until the last one is done. */
export function turn(place) {
  return new Promise(resolve => {
    waiting.push({ place, resolve })
    if (!taken) takeTurns()
  })
}

async function takeTurns() {
  taken = true
  while (waiting.length) {
    const inWindow = waiting.findIndex(({ place }) => isInWindow(place.getBoundingClientRect()))
    waiting.splice(Math.max(inWindow, 0), 1)[0].resolve()
    await frameShown()
  }
  taken = false
}

const isInWindow = ({ top, bottom }) => bottom > 0 && top < window.innerHeight
