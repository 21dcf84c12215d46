// The theme's colours, read off a component's own element.

/** Streamlit's variables; a page that stands alone sets those it needs, the others have defaults. */
export function themeOf(element) {
  const style = getComputedStyle(element)
  const value = (name, other) => style.getPropertyValue(`--st-${name}`).trim() || other
  return {
    text: value("text-color", "#1b2733"), paper: value("background-color", "#fff"), grid: value("border-color", "#d9e0e5"),
    font: value("font", "sans-serif"), red: value("red-color", "#c0392b"),
    series: value("chart-categorical-colors", "").split(","),
  }
}

/** True for a person who asks their system for little motion. */
export const movesLittle = () => globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false

/** Brightness from 0 to 1 of a colour, hexadecimal or rgb(). */
export function luminance(color) {
  const hex = /^#(..)(..)(..)/.exec(color)
  const [r, g, b] = hex ? hex.slice(1).map(part => parseInt(part, 16)) : color.match(/\d+/g)?.map(Number) ?? [255, 255, 255]
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255
}

/** A hexadecimal colour with an opacity. */
export const faded = (color, share) => color + Math.round(255 * share).toString(16).padStart(2, "0")
