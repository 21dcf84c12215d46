"""Pages that stand alone: one file, whatever the texts in it are, with all that its components need."""

import json
import re

from dashboard.components import standalone
from dashboard.components.standalone import Part

HOSTILE = "</script><script>alert(1)</script><!--<script>"


def part(**data: object) -> Part:
    return Part("figure/figure.js", '<figure class="still-figure"></figure>', ".still-figure { margin: 0 }", data)


def data_of(page: str) -> list[list]:
    line = next(line for line in page.splitlines() if line.startswith("const parts = "))
    return json.loads(line.removeprefix("const parts = "))


def test_a_page_has_plotly_its_styles_and_its_modules_once() -> None:
    page = standalone.page("Two figures", [part(n=1), standalone.heading("Between"), part(n=2)])
    assert page.count("plotly.js v") == page.count(".still-figure { margin: 0 }") == page.count('type="importmap"') == 1
    assert page.count('import mount0 from "figure/figure.js"') == 1 and "mount1" not in page
    assert data_of(page) == [[0, {"n": 1}], [0, {"n": 2}]]
    places = [page.index(mark) for mark in ('id="part-0"', "<h2>Between</h2>", 'id="part-1"')]
    assert places == sorted(places)


def test_a_page_of_texts_alone_needs_no_plotly() -> None:
    page = standalone.page("Words", [standalone.text("a"), standalone.pairs({"b": "c"})])
    assert len(page) < 20_000 and "plotly.js v" not in page and data_of(page) == []


def test_no_text_becomes_html() -> None:
    blocks = [
        standalone.heading(HOSTILE),
        standalone.text(HOSTILE),
        standalone.pairs({HOSTILE: HOSTILE}),
        standalone.table((HOSTILE,), [(HOSTILE, HOSTILE)]),
        standalone.code(HOSTILE, HOSTILE),
        part(name=HOSTILE),
    ]
    page = standalone.page(HOSTILE, blocks)
    assert "alert(1)</script>" not in page and "<!--<script>" not in page
    assert page.count("&lt;script&gt;alert(1)") == 11
    assert data_of(page) == [[0, {"name": HOSTILE}]]
    assert page.count("</script>") == 4


def test_a_page_may_load_and_send_nothing() -> None:
    page = standalone.page("One", [part()])
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|\*", policy)
    assert not re.search(r"<(?:script|img|iframe)[^>]+src=|<link", page)


def test_a_page_has_the_colours_of_its_theme() -> None:
    light, dark = (standalone.page("One", [], theme) for theme in ("light", "dark"))
    assert "--st-background-color: #fcfcfb;" in light and "--st-background-color: #10171d;" in dark
    # The charts read these three.
    assert all("--st-chart-categorical-colors: #" in page and "--st-red-color: #" in page for page in (light, dark))


def test_code_is_open_where_it_is_asked_for() -> None:
    assert standalone.code("t", "x < 1", opened=True) == (
        "<details open><summary>t</summary><pre><code>x &lt; 1</code></pre></details>"
    )
    assert standalone.code("t", "x").startswith("<details><summary>")
