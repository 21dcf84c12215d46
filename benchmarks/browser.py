"""Waiting times of a person: ``python -m benchmarks.browser [--repeats 15] [--pages Surfaces ...]``.

In a real browser, against a real server with warm workers: from the click on Train to the first point of the curve on
the screen, and from a click on the contours, or on another function, to the new contours of all walks. Baseline: the
click to the end of an empty script rerun, which is what Streamlit itself takes. Then every page, or those of
``--pages`` alone, opened by its address in a browser that has opened it before: until the part of it that one uses is
there, the longest time afterwards in which it answers nothing, and how much of it moved meanwhile (the sum of all
layout shifts, https://web.dev/articles/cls; 0.1 counts as good). On Surfaces also the answer to who presses Play at
once. Times are the browser's own clock, in seconds.
"""

import argparse

from playwright.sync_api import Browser, Page, ViewportSize, expect

from benchmarks.measure import machine, median_and_range
from core.surfaces import SURFACES
from tests.browser import browser_and_lab
from tests.visiting import PAGES

VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
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
    """Time a switch that nothing depends on: the lower bound of any click here."""
    page.goto(url)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.get_by_text("More settings").click()
    switch = page.get_by_text("AMSGrad")
    expect(switch).to_be_visible()
    page.evaluate(WATCH_RERUN)
    switch.click()
    return float(page.wait_for_function("window.waited").json_value())


#: From the next click to the frame after the surface player has drawn other contours and curves.
WATCH_PICTURE = """() => {
  window.waited = null
  const player = document.querySelector(".surface-player")
  document.addEventListener("click", () => {
    const clicked = performance.now()
    new MutationObserver((changes, observer) => {
      observer.disconnect()
      requestAnimationFrame(() => { window.waited = (performance.now() - clicked) / 1000 })
    }).observe(player, { attributeFilter: ["data-ready"] })
  }, { once: true, capture: true })
}"""


def new_start(page: Page, right: float, down: float) -> float:
    """Time a click on the contours, which sets the start of every walk."""
    box = page.get_by_test_id("map").bounding_box()
    assert box
    page.evaluate(WATCH_PICTURE)
    page.mouse.click(box["x"] + box["width"] * right, box["y"] + box["height"] * down)
    return float(page.wait_for_function("window.waited").json_value())


def new_function(page: Page, label: str) -> float:
    """Time the choice of another function; its rates are searched the first time."""
    page.get_by_role("combobox", name="Function").click()
    option = page.get_by_role("option", name=label, exact=True)
    expect(option).to_be_visible()
    page.evaluate(WATCH_PICTURE)
    option.click()
    return float(page.wait_for_function("window.waited").json_value())


def surfaces(page: Page, url: str, repeats: int) -> tuple[list[float], list[float]]:
    page.goto(f"{url}/surfaces")
    expect(page.locator(".surface-player[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    starts = [new_start(page, 0.3 + 0.4 * i / repeats, 0.35 + 0.3 * i / repeats) for i in range(repeats)]
    labels = [SURFACES[name].label for name in SURFACES if name not in ("rosenbrock", "bowl")]
    return starts, [new_function(page, labels[i % len(labels)]) for i in range(repeats)]


WATCH_OPENING = """
  window.shift = 0
  window.tasks = []
  new MutationObserver((changes, observer) => {
    if (!document.querySelector("[data-ready]")) return
    observer.disconnect()
    window.ready = performance.now()
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-ready"] })
  new PerformanceObserver(list => window.tasks.push(...list.getEntries())).observe({ type: "longtask", buffered: true })
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value
  }).observe({ type: "layout-shift", buffered: true })
"""
#: Milliseconds after the script's end in which a late picture could still move something, or let the page stand still.
SETTLED_MS = 1000
#: The longest task of the page, as far as it came later than so many milliseconds.
STANDSTILL = """from => Math.max(0, ...window.tasks.map(({ startTime, duration }) =>
  startTime + duration - Math.max(startTime, from))) / 1000"""
#: Says on the console when the walks can be played; from the first click to the frame that shows another step.
WATCH_PLAY = """
  new MutationObserver((changes, observer) => {
    if (!document.querySelector(".surface-player[data-ready]")) return
    observer.disconnect()
    console.debug("usable")
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-ready"] })
  addEventListener("click", ({ timeStamp }) => {
    const step = document.querySelector(".surface-player [data-part=step]"), before = step.textContent
    const look = () => {
      if (step.textContent === before) return requestAnimationFrame(look)
      window.waited = (performance.now() - timeStamp) / 1000
    }
    requestAnimationFrame(look)
  }, { once: true, capture: true })
"""


def plays(browser: Browser, url: str, repeats: int) -> list[float]:
    """Press Play as soon as the walks can be played; return seconds until they move."""
    # Who asks for little motion is not played to without having asked.
    page = browser.new_context(viewport=VIEWPORT, bypass_csp=True, reduced_motion="reduce").new_page()
    page.goto(f"{url}/surfaces")
    expect(page.locator(".surface-player[data-ready]")).to_be_visible()
    play = page.get_by_test_id("play").bounding_box()
    assert play
    page.add_init_script(WATCH_PLAY)
    waits = []
    for _ in range(repeats):
        with page.expect_console_message(lambda message: message.text == "usable"):
            page.goto(f"{url}/surfaces", wait_until="commit")
        page.mouse.click(play["x"] + play["width"] / 2, play["y"] + play["height"] / 2)
        waits.append(float(page.wait_for_function("window.waited").json_value()))
    return waits


def opened(page: Page, url: str, title: str) -> tuple[float, float, float]:
    """Open a page; return seconds until it can be used, of the longest standstill afterwards, and how much moved."""
    path, part = PAGES[title]
    page.goto(url + path)
    expect(part(page)).to_be_visible()
    # Playwright looks every 0.1 to 1 s, and not while the page computes: a player notes its own moment.
    seconds = float(page.evaluate("(window.ready ?? performance.now()) / 1000"))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(SETTLED_MS)
    return seconds, float(page.evaluate(STANDSTILL, 1000 * seconds)), float(page.evaluate("window.shift"))


def pages(page: Page, browser: Browser, url: str, titles: list[str], repeats: int) -> None:
    page.add_init_script(WATCH_OPENING)
    for title in titles:
        # The first time neither the browser nor the lab has anything of this page.
        first = opened(page, url, title)[0]
        times = [opened(page, url, title) for _ in range(repeats)]
        print(
            f"{title:12} usable after {median_and_range([t for t, _, _ in times])} s, first {first:.3f} s; "
            f"then still for {median_and_range([still for _, still, _ in times])} s; "
            f"moved {median_and_range([moved for _, _, moved in times])}, n = {repeats}",
            flush=True,
        )
        if title == "Surfaces":
            print(
                f"{'':12} Play at once, until the walks move {median_and_range(plays(browser, url, repeats))} s",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--pages", nargs="+", choices=PAGES, help="open these alone, and time nothing else")
    options = parser.parse_args()
    repeats = options.repeats
    print(machine())
    with browser_and_lab() as (browser, lab):
        lab.start()
        page = browser.new_context(viewport=VIEWPORT, bypass_csp=True).new_page()
        if options.pages:
            # Some pages have another face in a lab without a run.
            first_point(page, lab.url)
            pages(page, browser, lab.url, options.pages, repeats)
            return
        starts, functions = surfaces(page, lab.url, repeats)
        print(f"click on the contours to the new contours: {median_and_range(starts)} s, n = {repeats}")
        print(f"another function to the new contours:      {median_and_range(functions)} s, n = {repeats}", flush=True)
        first_point(page, lab.url)
        waits = [(first_point(page, lab.url), rerun(page, lab.url)) for _ in range(repeats)]
        print(f"click on Train to the first visible point: {median_and_range([w[0] for w in waits])} s, n = {repeats}")
        print(f"baseline, click to the end of a rerun:     {median_and_range([w[1] for w in waits])} s, n = {repeats}")
        pages(page, browser, lab.url, list(PAGES), max(3, repeats // 3))


if __name__ == "__main__":
    main()
