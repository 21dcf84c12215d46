/** Without a mouse plotly's tools would not come and go: they would lie over the figure and its legend. A double tap resets. */
const displayModeBar = globalThis.matchMedia?.("(hover: none)").matches ? false : "hover"

/** Settings of every figure. plotly's own tools have a button that sends the figure to its maker's servers. */
export const SETTINGS = { displaylogo: false, showSendToCloud: false, displayModeBar, responsive: false }

/** plotly.js, loaded once a page; a page that stands alone brings it along. */
export function plotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly)
  window.labPlotly ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: "/lab/plotly.min.js" })
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      window.labPlotly = undefined
      reject(new Error("plotly.min.js did not load"))
    }
    document.head.append(script)
  })
  return window.labPlotly
}
