"""Duration of a network's predictions: ``python -m benchmarks.predictions [--repeats 15] [--no-browser]``.

The 10,000 test predictions with all their figures, and the page's other computations, in seconds; baseline: the two
matrix products of the predictions alone. Then, in a real browser against a real server, from a
click to the frame that shows its result; baseline: an empty script rerun. Times are the browser's own clock.
"""

import argparse
import os

import torch
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import rerun
from benchmarks.measure import interleaved, machine, median_and_range, timed
from core import data, devices
from core.analysis.attribution import attribute
from core.analysis.hidden import activations, nearest, units
from core.analysis.report import report
from core.models import checkpoints
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer
from tests.browser import browser_and_lab

#: From the next click to the first frame in which any of the page's own pictures differs; the page's clock.
WATCH_PICTURES = """() => {
  const pictures = (root, found = []) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches(".clickable") && element.shown) found.push(element.shown)
      if (element.shadowRoot) pictures(element.shadowRoot, found)
    }
    return found.join()
  }
  const before = pictures(document)
  window.waited = null
  document.addEventListener("click", () => {
    const clicked = performance.now()
    const look = () => {
      if (pictures(document) === before) requestAnimationFrame(look)
      else requestAnimationFrame(() => { window.waited = (performance.now() - clicked) / 1000 })
    }
    look()
  }, { once: true, capture: true })
}"""

IDLE = "document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'"


def computing(network: Network, repeats: int) -> None:
    mnist = data.load()
    pixels = mnist.test.images.float() / 255
    w1, _, w2, _ = (parameter.detach() for parameter in network.parameters())
    known = activations(network, mnist.train.images)

    def one_digit() -> None:
        nearest(attribute(network, mnist.test.images[0]).hidden, known, 10)

    figures = interleaved(
        {
            "two matrix products": timed(lambda: pixels @ w1.T @ w2.T),
            "10,000 predictions and all figures": timed(lambda: report(network, mnist.test)),
            "the 128 units and the templates": timed(lambda: units(network, mnist.test)),
            "activations of 60,000 digits, once": timed(lambda: activations(network, mnist.train.images)),
            "one digit taken apart": timed(one_digit),
        },
        repeats,
    )
    for name, seconds in figures.items():
        print(f"{name:36} {median_and_range(seconds)} s, n = {repeats}")


def reaction(page: Page, target: Locator) -> float:
    expect(target).to_be_visible()
    # Let the pictures of the last click arrive first.
    page.wait_for_function(IDLE)
    page.evaluate(WATCH_PICTURES)
    target.click()
    return float(page.wait_for_function("window.waited").json_value())


def reactions(page: Page, url: str, repeats: int) -> dict[str, list[float]]:
    waits: dict[str, list[float]] = {}
    page.goto(f"{url}/predictions?model=first")
    cells = [page.locator(f".confusion button[data-value='{digit}-{digit}']") for digit in range(10)]
    waits["cell of the matrix"] = [reaction(page, cells[i % 10]) for i in range(repeats)]
    page.goto(f"{url}/predictions?model=first&p-tab=Digits")
    ahead = page.get_by_role("button", name="Next page")
    waits["next page of digits"] = [reaction(page, ahead) for _ in range(repeats)]
    opened = []
    for i in range(repeats + 1):
        opened.append(reaction(page, page.locator("button.digit").nth(i)))
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
    waits["digit, the first of a network"], waits["digit"] = opened[:1], opened[1:]
    tabs = ["Inside", "Confusion", "Digits"]
    waits["another panel"] = [reaction(page, page.get_by_role("tab", name=tabs[i % 3])) for i in range(repeats)]
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args()
    devices.prepare_cpu(1)
    print(machine())
    trainer = Trainer(RunConfig(epochs=1, device="cpu"))
    list(trainer.events())
    computing(trainer.network, asked.repeats)
    if asked.no_browser:
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    with browser_and_lab() as (browser, lab):
        lab.models.mkdir()
        checkpoints.save_parameters(trainer.network, lab.models / "first.safetensors", {})
        lab.start()
        page = browser.new_context(viewport={"width": 1280, "height": 1000}, bypass_csp=True).new_page()
        waits = reactions(page, lab.url, asked.repeats)
        waits["baseline, an empty rerun"] = [rerun(page, lab.url) for _ in range(asked.repeats)]
        for name, seconds in waits.items():
            print(f"click to picture: {name:30} {median_and_range(seconds)} s, n = {len(seconds)}", flush=True)


if __name__ == "__main__":
    main()
