// Another screen of a page begins at its top: Streamlit leaves the page where the last one was scrolled to, so that
// a run from the end of a long list would open in its middle.

const SCROLLED = "[data-testid=stMain]"

let shown = null

export default function ({ data }, page = document) {
  if (shown !== null && data.screen !== shown) page.querySelector(SCROLLED)?.scrollTo({ top: 0, behavior: "instant" })
  shown = data.screen
}
