"""Runs: all of them, one of them (``?run=ID``), or several side by side (``?compare=ID,ID,...``)."""

from dashboard import address
from dashboard.screens import screen
from dashboard.views.runs import compare, one, overview


def page() -> None:
    if run := address.get("run"):
        with screen(f"run: {run}"):
            one.show(run)
    elif address.has("compare"):
        with screen("runs side by side"):
            compare.show()
    else:
        with screen("runs"):
            overview.show()


page()
