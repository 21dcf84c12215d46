// Fits a canvas to its container and hides its toolbar. Both are in a shadow root: a page's style sheets do not reach it.

const LOOK_MS = 100

const sheet = new CSSStyleSheet()
// The canvas sets display and sizes in the elements themselves. It divides a pointer's place by the size that is shown.
sheet.replaceSync(`
  .dc-toolbar { display: none !important }
  .dc-root, .dc-scroll, .dc-container, .canvas-container { width: 100% !important; height: auto !important }
  .dc-container, .canvas-container { aspect-ratio: 1 }
  canvas { width: 100% !important; height: 100% !important }
`)

function fitIn(container) {
  for (const element of document.querySelectorAll(`.st-key-${container} *`)) {
    const sheets = element.shadowRoot?.adoptedStyleSheets
    if (sheets && !sheets.includes(sheet)) sheets.push(sheet)
  }
}

export default function ({ data }) {
  // The canvas comes and goes with the page's other choices, and no event of the document tells of a new shadow root.
  const timer = setInterval(() => fitIn(data.container), LOOK_MS)
  fitIn(data.container)
  return () => clearInterval(timer)
}
