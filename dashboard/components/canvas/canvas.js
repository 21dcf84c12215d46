// Hides the toolbar of a canvas, which is in a shadow root: a page's style sheets do not reach it.

const LOOK_MS = 100

const sheet = new CSSStyleSheet()
// The canvas sets the display in the element itself.
sheet.replaceSync(".dc-toolbar { display: none !important }")

function hideIn(container) {
  for (const element of document.querySelectorAll(`.st-key-${container} *`)) {
    const sheets = element.shadowRoot?.adoptedStyleSheets
    if (sheets && !sheets.includes(sheet)) sheets.push(sheet)
  }
}

export default function ({ data }) {
  // The canvas comes and goes with the page's other choices, and no event of the document tells of a new shadow root.
  const timer = setInterval(() => hideIn(data.container), LOOK_MS)
  hideIn(data.container)
  return () => clearInterval(timer)
}
