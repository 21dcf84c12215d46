"""Links with foreign Markdown in every value: each page shows it as the text that it is, or not at all."""

import pytest

from core.runs.service import Service
from dashboard.views.predictions.gallery import NUMBER
from tests.dashboard.conftest import open_page

HOSTILE = "![i](http://evil.example/i.png) [a](http://evil.example) :red[b]"
#: What shows Markdown, labels included.
KINDS = (
    "markdown",
    "caption",
    "error",
    "warning",
    "info",
    "success",
    "toast",
    "title",
    "header",
    "subheader",
    "metric",
)
LABELLED = ("button", "popover", "expander", "checkbox", "text_input", "selectbox", "multiselect", "radio", "slider")

#: By name: the page and the values of its address.
LINKS: dict[str, tuple[str, dict[str, str]]] = {
    "a lesson": ("lessons", {"lesson": HOSTILE}),
    "a lesson's epochs": ("lessons", {"lesson": "2-order", "epochs": HOSTILE}),
    "a lesson's seed": ("lessons", {"lesson": "2-order", "seed": HOSTILE, "hide": HOSTILE}),
    "a lesson's runs": ("lessons", {"lesson": "2-order", "runs": HOSTILE}),
    "Train's run": ("train", {"run": HOSTILE}),
    "a run": ("runs", {"run": HOSTILE}),
    "a comparison": ("runs", {"compare": HOSTILE}),
    "a race": ("sweep", {"runs": HOSTILE, "tried": HOSTILE}),
    "a sweep": ("sweep", {"sweep": HOSTILE}),
    "a formula": ("surfaces", {"s-surface": "Own formula", "s-formula": HOSTILE}),
    "a domain": ("surfaces", {"s-surface": "Own formula", "s-domain": HOSTILE}),
    "starts": ("surfaces", {"s-starts": HOSTILE}),
    "settings": ("surfaces", {"s-settings": HOSTILE}),
    "a parameter of settings": ("surfaces", {"s-settings": f"adam {HOSTILE.replace(' ', '')}=1"}),
    "steps": ("surfaces", {"s-steps": HOSTILE}),
    "a function": ("surfaces", {"s-surface": HOSTILE}),
    "items": ("landscape", {"items": f"model:{HOSTILE}", "plane": HOSTILE}),
    "images": ("landscape", {"items": "model:untrained", "images": HOSTILE, "size": HOSTILE, "part": HOSTILE}),
    "a network": ("predictions", {"model": HOSTILE}),
    "a digit": ("predictions", {"model": "untrained", "digit": HOSTILE}),
    "numbers": ("predictions", {"model": "untrained", "p-tab": "Digits", "p-show": NUMBER, "p-numbers": HOSTILE}),
    "a model": ("models", {"model": HOSTILE}),
}
#: Those whose values a sentence repeats.
REPEATED = {"a lesson's epochs", "a lesson's seed", "a formula", "a domain", "starts", "settings", "images", "numbers"}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_puts_no_markdown_into_a_page(service: Service, name: str) -> None:
    view, values = LINKS[name]
    page = open_page(view, **values)
    assert not page.exception
    shown = [str(element.value) for kind in KINDS for element in page.get(kind)]
    shown += [str(getattr(element, "label", "")) for kind in LABELLED for element in page.get(kind)]
    shown += [element.proto.popover.label for element in page.get("popover")]
    assert shown
    if name in REPEATED:
        assert any(r"\!\[i\]\(http" in text for text in shown)
    for text in shown:
        assert "![i](" not in text
        assert "](http" not in text
        assert ":red[b]" not in text
