"""Time from the end of a stroke to the prediction on the screen: ``python -m benchmarks.pen [--repeats 15]``.

In a real browser, against a real server: digits are drawn by mouse on the Draw page, one stroke each; the time runs on
the browser's own clock from the mouse button's release to the first frame whose bars differ. The canvas itself waits
0.2 s for a further stroke before it sends: that is the lower bound. Baseline: the click on Clear, which runs the same
fragment without that wait.
"""

import argparse

from playwright.sync_api import Page, expect

from benchmarks.measure import machine, median_and_range
from tests.browser import browser_and_lab
from tests.e2e.test_draw import ONE, SEVEN, THREE, ZERO, draw, open_draw, says, tool

DIGITS = {"1": ONE, "7": SEVEN, "0": ZERO, "3": THREE}
#: From the next event of a kind to the frame in which the bars have changed; the page's clock.
WATCH = """kind => {
  const bars = () => document.querySelector("[data-testid=bars]")?.innerHTML
  const before = bars()
  window.waited = null
  document.addEventListener(kind, () => {
    const started = performance.now()
    const look = () => {
      const now = bars()
      if (now && now !== before) window.waited = (performance.now() - started) / 1000
      else requestAnimationFrame(look)
    }
    look()
  }, { once: true, capture: true })
}"""


def measured(page: Page) -> float:
    return float(page.wait_for_function("window.waited", timeout=60_000).json_value())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    expect.set_options(timeout=60_000)
    print(machine())
    with browser_and_lab() as (browser, lab):
        lab.start()
        page = browser.new_context(viewport={"width": 1280, "height": 1000}, bypass_csp=True).new_page()
        open_draw(page, lab)
        answers, clears = [], []
        for repeat in range(repeats + 1):
            digit, strokes = list(DIGITS.items())[repeat % len(DIGITS)]
            page.evaluate(WATCH, "mouseup")
            draw(page, strokes)
            answers.append(measured(page))
            says(page, digit)
            page.evaluate(WATCH, "click")
            tool(page, "Clear").click()
            clears.append(measured(page))
            says(page, "?")
        # The first of each warms up.
        print(f"pen up to the answer shown: {median_and_range(answers[1:])} s, n = {repeats}")
        print(f"baseline, click on Clear:   {median_and_range(clears[1:])} s, n = {repeats}")


if __name__ == "__main__":
    main()
