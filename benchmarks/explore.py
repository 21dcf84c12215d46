"""Speed of the overlay of many runs and of the page's controls: ``python -m benchmarks.explore [--repeats 7]``.

In a real browser against a real server. Ten finished runs of 5,000 steps are laid over each other: from the moment at
which the chart asks for them to the moment at which all of their points are drawn, and from a click on each of its
controls to the next picture. Baseline: the click to the end of a script rerun on a race, which is what Streamlit
itself takes. Times are the browser's own clock, in seconds.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browser import WATCH_RERUN
from benchmarks.measure import machine, median_and_range
from core.runs.curves import curves_of
from core.runs.service import Service
from core.training.config import RunConfig
from tests.browser import browser_and_lab

RUNS = 10
CONFIG = RunConfig(batch_size=48, epochs=5, device="cpu")
#: Notes when the chart asks for its runs.
WATCH_ASKING = """
const Real = WebSocket
window.WebSocket = class extends Real {
  send(text) {
    if (/lab.live/.test(this.url) && /"runs":{"/.test(text)) window.asked ??= performance.now()
    super.send(text)
  }
}"""
#: The seconds from asking to a picture of all points, once it is there.
ALL_DRAWN = """expected => {
  const plot = document.querySelector(".live-plot")
  if (!window.asked || !(Number(plot?.dataset.drawn) >= expected)) return null
  return (performance.now() - window.asked) / 1000
}"""
#: From the next click or change of a control to the chart's next picture.
WATCH_CHART = """() => {
  window.waited = null
  const plot = document.querySelector(".live-plot")
  const start = () => {
    const clicked = performance.now()
    new MutationObserver((changes, observer) => {
      observer.disconnect()
      requestAnimationFrame(() => { window.waited = (performance.now() - clicked) / 1000 })
    }).observe(plot, { attributeFilter: ["data-drawn"] })
  }
  document.addEventListener("click", start, { once: true, capture: true })
}"""


def make_runs(home: Path) -> tuple[list[str], int]:
    """Ten finished runs in a lab home: their ids, and the number of points that a viewer gets."""
    service = Service(home, workers=2, threads=1)
    rates = [1e-3 * 1.3**i for i in range(RUNS)]
    ids = [service.submit(replace(CONFIG, lr=rate)) for rate in rates]
    while not all(run and run.over for run in map(service.run, ids)):
        time.sleep(0.2)
    points = sum(len(curves_of(map(json.loads, service.messages(run_id) or [])).steps) for run_id in ids)
    service.close()
    return ids, points


def first_picture(page: Page, url: str, points: int) -> float:
    page.goto("about:blank")
    page.goto(url)
    return float(page.wait_for_function(ALL_DRAWN, arg=points, polling="raf").json_value())


def reaction(page: Page, watch: str, click: str) -> float:
    page.mouse.move(2, 2)
    page.evaluate(watch)
    page.locator(click).first.click()
    return float(page.wait_for_function("window.waited").json_value())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    print(machine(), f"load {os.getloadavg()[0]:.1f}", flush=True)
    with browser_and_lab() as (browser, lab):
        ids, points = make_runs(lab.home)
        lab.start()
        page = browser.new_context(viewport={"width": 1280, "height": 1400}, bypass_csp=True).new_page()
        page.set_default_timeout(120_000)
        page.add_init_script(WATCH_ASKING)
        url = f"{lab.url}/sweep?runs={','.join(ids)}"
        first_picture(page, url, points)
        pictures = [first_picture(page, url, points) for _ in range(repeats)]
        print(
            f"ten runs of {CONFIG.span.steps:,} steps, {points:,} points, asked for to drawn: "
            f"{median_and_range(pictures)} s, n = {repeats}"
        )
        controls = {
            "hide or show a line": ".live-ranking tbody button",
            "logarithmic loss": "[data-testid=log]",
            "logarithmic step": "[data-testid=log-x]",
            "generalisation gap": "[data-testid=gap]",
        }
        for name, place in controls.items():
            times = [reaction(page, WATCH_CHART, place) for _ in range(repeats)]
            print(f"{name} to the next picture: {median_and_range(times)} s, n = {repeats}", flush=True)
        page.get_by_text("More settings").click()
        times = [reaction(page, WATCH_RERUN, "label:has-text('AMSGrad')") for _ in range(repeats)]
        print(f"baseline, a switch to the end of the rerun: {median_and_range(times)} s, n = {repeats}")
        page.goto(f"{lab.url}/lessons?lesson=2-order")
        page.get_by_text("Between half and nine in ten").wait_for()
        choices = ["Between half", "Hardly more"]
        times = [reaction(page, WATCH_RERUN, f"label:has-text('{choices[i % 2]}')") for i in range(repeats)]
        print(f"a guess to the end of the rerun: {median_and_range(times)} s, n = {repeats}")


if __name__ == "__main__":
    main()
