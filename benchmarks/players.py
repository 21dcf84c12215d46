"""Frames of a playback: ``python -m benchmarks.players [--seconds 4] [--repeats 3]``.

In a real browser, against a real server: every optimizer at 5,000 steps plays on the Surfaces page. Counted are the
browser's frames near the end of the playback, by its own clock: frames a second, and the longest pause between two.
Baselines:
the first picture of the page (5 optimizers, 500 steps), and the same page at rest, which is what this machine's browser
reaches with nothing to paint.
"""

import argparse

from playwright.sync_api import Page, expect

from benchmarks.measure import machine, median_and_range
from core.optimizers import OPTIMIZERS
from core.surfaces import FIRST_ORDER, STEPS
from tests.browser import browser_and_lab

#: Frames a second and the longest pause, in milliseconds, over so many seconds.
FRAMES = """seconds => new Promise(done => {
  const times = []
  const tick = now => {
    times.push(now)
    if (now - times[0] < 1000 * seconds) return requestAnimationFrame(tick)
    const pauses = times.slice(1).map((time, i) => time - times[i])
    done([pauses.length / ((now - times[0]) / 1000), Math.max(...pauses)])
  }
  requestAnimationFrame(tick)
})"""


def opened(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".surface-player[data-ready]")).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_load_state("networkidle")


def playing(page: Page, seconds: float) -> tuple[float, float]:
    # The last of the eight seconds that a playback takes: there the paths are longest.
    steps = int(page.get_by_test_id("scrub").get_attribute("max") or 0)
    page.get_by_test_id("scrub").fill(str(round(steps * (1 - (seconds + 0.5) / 8))))
    page.get_by_role("button", name="Play").click()
    frames, pause = page.evaluate(FRAMES, seconds)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    return float(frames), float(pause)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of counting, at most 7")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    every = "&".join(f"s-optimizers={OPTIMIZERS[name].label}" for name in FIRST_ORDER)
    largest = f"/surfaces?{every}&s-steps={int(STEPS.high or 0)}"
    with browser_and_lab() as (browser, lab):
        lab.start()
        page = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
        pages = {f"{len(FIRST_ORDER)} optimizers, 5,000 steps": largest, "5 optimizers, 500 steps": "/surfaces"}
        for name, address in pages.items():
            opened(page, lab.url + address)
            expect(page.get_by_test_id("results").locator("tbody tr")).to_have_count(int(name.split()[0]))
            rest = [page.evaluate(FRAMES, options.seconds) for _ in range(options.repeats)]
            played = [playing(page, options.seconds) for _ in range(options.repeats)]
            for kind, figures in (("playing", played), ("at rest", rest)):
                frames, pauses = zip(*figures, strict=True)
                print(
                    f"{name}, {kind}: {median_and_range(list(frames))} frames/s, longest pause "
                    f"{median_and_range(list(pauses))} ms, n = {options.repeats}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
