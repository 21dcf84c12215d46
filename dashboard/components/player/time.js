// Arithmetic of the player's time. A cursor counts steps and may lie between two.

/** Seconds of a playback from first step to last, at speed 1. */
const PLAY_SECONDS = 8

/** The cursor after `milliseconds` of playback. */
export const advance = (cursor, steps, milliseconds, speed = 1) =>
  Math.min(steps, cursor + (speed * steps * milliseconds) / 1000 / PLAY_SECONDS)

/** The cursor within the steps that there are. */
export const within = (cursor, steps) => Math.max(0, Math.min(steps, cursor))

/** The whole step before or after a cursor. */
export const stepBack = cursor => Math.ceil(cursor) - 1
export const stepForward = cursor => Math.floor(cursor) + 1

/** A path's point at a cursor, straight between two steps; its last point after its end. */
export function at(path, cursor) {
  const between = values => {
    if (cursor >= path.end) return values[path.end]
    const i = Math.floor(cursor)
    return values[i] + (values[i + 1] - values[i]) * (cursor - i)
  }
  return { x: between(path.x), y: between(path.y) }
}

/** A loop of frames: one at a time, however often it is stopped and started between two of them. */
export class Frames {
  get running() {
    return Boolean(this.next)
  }

  /** Call `each` in every frame with the milliseconds since the last one, until `stop()`. */
  start(each) {
    this.stop()
    let before = performance.now()
    const tick = now => {
      this.next = requestAnimationFrame(tick)
      const passed = now - before
      before = now
      each(passed)
    }
    this.next = requestAnimationFrame(tick)
  }

  stop() {
    cancelAnimationFrame(this.next)
    this.next = null
  }
}
