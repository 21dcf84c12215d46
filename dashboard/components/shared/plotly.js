/** What every figure is drawn with. plotly's own tools have a button that sends the figure to its maker's servers. */
export const SETTINGS = { displaylogo: false, showSendToCloud: false, displayModeBar: "hover", responsive: false }

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
