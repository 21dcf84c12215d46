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
