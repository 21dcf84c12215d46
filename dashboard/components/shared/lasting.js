// A component whose state lives as long as its element, and no longer.

/** The component that keeps one thing for each element that `selector` finds: `make(root, given)` is called once, then
 * `update(thing, given)` with all that Streamlit gives. The thing's `close` is called when its element has left the page.
 *
 * Not at once when Streamlit cleans up after a call: where data has changed while the script was on its way, it cleans up after
 * the first call when the second one has already been made, and the page would be left with a thing that is closed. */
export function lasting(selector, make, update) {
  const things = new WeakMap()
  return given => {
    const root = given.parentElement.querySelector(selector)
    if (!things.has(root)) things.set(root, make(root, given))
    update(things.get(root), given)
    return () => setTimeout(() => {
      if (root.isConnected) return
      things.get(root)?.close()
      things.delete(root)
    })
  }
}
