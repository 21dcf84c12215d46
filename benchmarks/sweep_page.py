"""The page of a sweep that fills, for ``benchmarks.sweep page``: what those who look at it cost, and how it reacts."""

import asyncio
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.measure import median_and_range, paired_ratio
from benchmarks.sessions import sessions
from core.runs.service import Service
from core.runs.store import Store
from core.sweep.settings import Settings
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.training.config import RunConfig
from tests.browser import ARGUMENTS, CHROMIUM, Lab

WORKERS = 2
#: Seconds between two looks, which cost processor time themselves.
LOOK_SECONDS = 0.1
#: Seconds in which sessions open a page; and so many runs are timed then.
SETTLE_SECONDS, WATCHED_RUNS = 5.0, 40


def page(quick: bool) -> None:
    """Print both; ``quick`` takes fewer trials and repeats."""
    # None of these changes what a run costs.
    space = parse(RunConfig(epochs=5), ["lr=1e-4:1:log", "weight_decay=1e-6:0.1:log", "label_smoothing=0:0.2"])
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), DESCENT_WORKERS=str(WORKERS))
        service = Service(lab.home, workers=1, threads=1)
        studies = Studies(lab.home / "sweeps", service)
        study_id = studies.start(Settings(space, sampler="random", trials=150 if quick else 600))
        studies.close()
        service.close()
        # The server goes on with it.
        lab.start()
        try:
            store = Store(lab.home / "lab.sqlite", read_only=True)
            reached(store, 10 if quick else 100)
            rates = asyncio.run(watched(lab.url, study_id, store, 1 if quick else 3))
            for kind, own in rates.items():
                print(f"| runs per second, {kind} | {median_and_range(own, 2)} |")
            print(f"20 sessions by none: {paired_ratio(rates['20 sessions'], rates['none'])}, n = {len(rates['none'])}")
            # The second time the browser has a core of its own, as that of a viewer elsewhere.
            for workers in (WORKERS, 1):
                lab.stop()
                lab.environment["DESCENT_WORKERS"] = str(workers)
                lab.start()
                before = over(store)
                reached(store, before + 1)
                waits = median_and_range(choices(lab.url, study_id))
                print(f"| from a choice to its picture, workers: {workers} | {waits} s | from {before} runs on |")
        finally:
            lab.stop()


def over(store: Store) -> int:
    """Return the number of runs that have ended."""
    return sum(run.over for run in store.runs(10_000))


def reached(store: Store, count: int) -> float:
    """Wait until so many runs have ended, and return the moment."""
    while over(store) < count:
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


async def watched(url: str, study_id: str, store: Store, pairs: int) -> dict[str, list[float]]:
    """Return runs that ended per second, without sessions that look at the sweep and with 20, in turns."""
    rates: dict[str, list[float]] = {"none": [], "20 sessions": []}
    for _ in range(pairs):
        for kind, own in rates.items():
            async with sessions(url, "sweep", f"sweep={study_id}", 20 if kind != "none" else 0):
                # They open the page first.
                await asyncio.sleep(SETTLE_SECONDS)
                count = over(store)
                begun = await asyncio.to_thread(reached, store, count + 1)
                ended = await asyncio.to_thread(reached, store, count + 1 + WATCHED_RUNS)
                own.append(WATCHED_RUNS / (ended - begun))
    return rates


#: From the next click to the frame in which the contour's horizontal axis has this title.
WATCH_CONTOUR = """title => {
  window.waited = null
  document.addEventListener("click", () => {
    const clicked = performance.now()
    const look = () => {
      const plots = [...document.querySelectorAll(".js-plotly-plot")].filter(plot => plot.querySelector(".cbtitle"))
      if (plots.some(plot => plot.querySelector(".xtitle")?.textContent.startsWith(title)))
        window.waited = (performance.now() - clicked) / 1000
      else requestAnimationFrame(look)
    }
    look()
  }, { once: true, capture: true })
}"""


def choices(url: str, study_id: str) -> list[float]:
    """Return the seconds from choosing another pair of settings to its picture, 15 times."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        tab = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
        tab.goto(f"{url}/sweep?sweep={study_id}")
        waits = []
        for number in range(15):
            label = ("Weight decay", "Learning rate")[number % 2]
            option = tab.get_by_role("option", name=label, exact=True)
            # A page that is drawn for the first time, or anew, closes what was open.
            while not option.is_visible():
                tab.get_by_role("combobox", name="Across").click()
                tab.wait_for_timeout(100)
            tab.evaluate(WATCH_CONTOUR, label.lower())
            option.click()
            waits.append(float(tab.wait_for_function("window.waited").json_value()))
        browser.close()
    return waits
