// Where runs' events come from: the lab's stream, /lab/live, or a page that stands alone.

const RETRY_MS = [300, 1000, 2000, 5000]

/** The connection to the lab's stream: it comes back by itself, and asks only for what is missing. */
export class Feed {
  /** `wanted` returns the runs to follow, each with the number of its last event, `seq`; `onEvents` gets a frame of one run;
   * `onRestart` is called when another server process answers; `onChange` when the connection opens or breaks. */
  constructor({ wanted, onEvents, onRestart, onChange }) {
    Object.assign(this, { wanted, onEvents, onRestart, onChange, failures: 0 })
    this.connect()
  }

  connect() {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/lab/live`)
    this.socket = socket
    this.greeted = false
    socket.onopen = () => {
      this.failures = 0
      this.onChange()
    }
    socket.onmessage = message => this.receive(JSON.parse(message.data))
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.socket = null
      this.retry = setTimeout(() => this.connect(), RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)])
      this.failures += 1
      this.onChange()
    }
  }

  /** A connection's first message is the token of the server process; the others are frames of events. */
  receive(message) {
    if (!message.lab) return this.onEvents(message)
    if (this.lab && this.lab !== message.lab) this.onRestart()
    this.lab = message.lab
    this.greeted = true
    this.subscribe()
  }

  subscribe() {
    if (!this.greeted || this.socket?.readyState !== WebSocket.OPEN) return
    // Finished runs too: somebody may resume them.
    const runs = this.wanted().filter(run => run.state !== "unknown")
    this.socket.send(JSON.stringify({ runs: Object.fromEntries(runs.map(run => [run.id, run.seq])) }))
  }

  close() {
    clearTimeout(this.retry)
    const socket = this.socket
    this.socket = null
    socket?.close()
  }
}

/** The events of runs that a page which stands alone brings along: as a `Feed` that has them all at once, and `saved`: whatever was
 * going on then has ended since. */
export class Recording {
  constructor(recorded, { onEvents }) {
    Object.assign(this, { recorded, onEvents, failures: 0, saved: true })
  }

  subscribe() {
    for (const [run, events] of Object.entries(this.recorded)) this.onEvents({ run, events, position: null })
  }

  close() {}
}
