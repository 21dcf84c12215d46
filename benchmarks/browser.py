"""How long a person waits: ``python -m benchmarks.browser [--repeats 15]``.

In a real browser, against a real server with warm workers: from the click on Train to the first point of the curve on
the screen, and from a click on the contours to the new paths. Baseline: the click to the end of an empty script rerun,
which is what Streamlit itself takes. Times are the browser's own clock, in seconds.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.measure import machine, median_and_range
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, Lab

#: From the next pointer event to the first frame in which the loss has a visible line; the page's clock.
WATCH_FIRST_POINT = """() => {
  const find = root => {
    for (const element of root.querySelectorAll("*")) {
      const found = element.shadowRoot && (element.shadowRoot.querySelector(".live-plot") || find(element.shadowRoot))
      if (found) return found
    }
    return root.querySelector(".live-plot")
  }
  const plot = find(document)
  window.waited = null
  document.addEventListener("click", () => {
    const clicked = performance.now()
    const look = () => {
      const line = plot.querySelector(".scatterlayer .js-line")?.getAttribute("d")
      if (line && line.length > 10) window.waited = (performance.now() - clicked) / 1000
      else requestAnimationFrame(look)
    }
    look()
  }, { once: true, capture: true })
}"""
#: From the next click to the moment at which Streamlit says that the script has ended.
WATCH_RERUN = """() => {
  window.waited = null
  const app = document.querySelector("[data-testid=stApp]")
  document.addEventListener("click", () => {
    const clicked = performance.now()
    new MutationObserver((changes, observer) => {
      if (app.dataset.testScriptState === "running") return
      window.waited = (performance.now() - clicked) / 1000
      observer.disconnect()
    }).observe(app, { attributeFilter: ["data-test-script-state"] })
  }, { once: true, capture: true })
}"""


def first_point(page: Page, url: str) -> float:
    page.goto(url)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.get_by_text("ready", exact=True)).to_be_visible()
    page.evaluate(WATCH_FIRST_POINT)
    page.get_by_role("button", name="Train", exact=True).click()
    seconds = page.wait_for_function("window.waited").json_value()
    expect(page.get_by_test_id("state")).to_have_text("finished")
    return float(seconds)


def rerun(page: Page, url: str) -> float:
    """A switch that nothing depends on: the least that a click can cost here."""
    page.goto(url)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.get_by_text("More settings").click()
    switch = page.get_by_text("AMSGrad")
    expect(switch).to_be_visible()
    page.evaluate(WATCH_RERUN)
    switch.click()
    return float(page.wait_for_function("window.waited").json_value())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    print(machine())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        lab = Lab(Path(folder))
        lab.start()
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            first_point(page, lab.url)
            waits = [(first_point(page, lab.url), rerun(page, lab.url)) for _ in range(repeats)]
            print(
                f"click on Train to the first visible point: {median_and_range([w[0] for w in waits])} s, n = {repeats}"
            )
            print(
                f"baseline, click to the end of a rerun:     {median_and_range([w[1] for w in waits])} s, n = {repeats}"
            )
        finally:
            lab.stop()
            browser.close()


if __name__ == "__main__":
    main()
