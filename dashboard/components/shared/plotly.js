/** Without a mouse plotly's tools would not come and go: they would lie over the figure and its legend. A double tap resets. */
const displayModeBar = globalThis.matchMedia?.("(hover: none)").matches ? false : "hover"

/** Settings of every figure. plotly's own tools have a button that sends the figure to its maker's servers, and a camera that
 * knows neither title nor settings: saving.js saves every chart. */
export const SETTINGS = { displaylogo: false, showSendToCloud: false, displayModeBar, responsive: false, modeBarButtonsToRemove: ["toImage"] }

const RETRY_MS = 3000
const WORDS = { loading: "Loading charts…", failed: "The charts did not load. Trying again…" }

function load() {
  return new Promise(resolve => {
    const attempt = () => {
      const script = Object.assign(document.createElement("script"), { src: "/lab/plotly.min.js" })
      script.onload = () => resolve(window.Plotly)
      script.onerror = () => {
        script.remove()
        for (const words of document.querySelectorAll(".chart-wait")) words.textContent = WORDS.failed
        setTimeout(attempt, RETRY_MS)
      }
      document.head.append(script)
    }
    attempt()
  })
}

/** plotly.js, loaded once a page; a page that stands alone brings it along. Until it comes, `place` says so. */
export async function plotly(place) {
  if (window.Plotly) return window.Plotly
  const words = place.appendChild(Object.assign(document.createElement("p"), { className: "chart-wait", textContent: WORDS.loading }))
  words.setAttribute("role", "status")
  window.labPlotly ??= load()
  await window.labPlotly
  words.remove()
  return window.Plotly
}
