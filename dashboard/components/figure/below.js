// The place of a figure's player: below the axis, whose labels a narrow figure turns. Pure.

/** CSS pixels between what the axis has below it and the player. */
const GAP = 14

/** The changes of a layout that put its player below an axis which reaches `down` pixels below the plot; {} where it is. `given`
 * is the layout as Python made it, whose distance is the least. */
export function playerBelow(given, shown, down) {
  const [slider] = given.sliders ?? [], [button] = given.updatemenus ?? []
  if (!slider) return {}
  const further = Math.max(0, Math.ceil(down) + GAP - slider.pad.t)
  if (shown.sliders[0].pad.t === slider.pad.t + further) return {}
  return { "sliders[0].pad.t": slider.pad.t + further, ...(button && { "updatemenus[0].pad.t": button.pad.t + further }) }
}
