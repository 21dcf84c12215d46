"""All that a browser asks for in a visit to all pages: nothing but the lab's own."""

from urllib.parse import quote, urlsplit

from playwright.sync_api import Page, Request, expect

from tests.browser import Lab, Profiles
from tests.visiting import PAGES, go, open_at

FOREIGN = "http://127.0.0.2:9/seen.png"


def listen(page: Page) -> list[str]:
    """The list to which every address is added that the page's browser asks for, sockets included."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.context.on("request", note)
    page.on("websocket", lambda socket: asked.append(socket.url))
    return asked


def origins(asked: list[str]) -> set[str]:
    """The hosts with ports of these addresses, without those of the browser's own memory."""
    return {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob", "about")}


def test_a_visit_to_all_pages_asks_nobody_but_the_lab(newcomer: Page, lab: Lab) -> None:
    page = newcomer
    asked = listen(page)
    open_at(page, lab, "Train")
    for title in list(PAGES)[1:]:
        go(page, title)
    assert origins(asked) == {urlsplit(lab.url).netloc}
    assert {urlsplit(url).scheme for url in asked} <= {"http", "ws", "data", "blob"}
    # By the tools of a figure as well, none of which may send it anywhere.
    go(page, "Train")
    page.locator(".js-plotly-plot").first.hover()
    expect(page.locator(".modebar-btn").first).to_be_attached()
    expect(page.locator(".modebar-btn[data-title*='Share']")).to_have_count(0)


def test_the_policy_lets_nothing_of_others_in(lab: Lab, visitor: Profiles) -> None:
    """With a picture, a script and a connection that a page was made to hold: the browser refuses each."""
    page = visitor().new_page()
    open_at(page, lab, "Models")
    blocked = page.evaluate(
        """async foreign => {
          const refused = []
          document.addEventListener("securitypolicyviolation", event => refused.push(event.effectiveDirective))
          const load = element => new Promise(resolve => {
            element.onload = element.onerror = resolve
            element.src = foreign
            document.head.append(element)
          })
          await load(new Image())
          await load(document.createElement("script"))
          await fetch(foreign).catch(() => null)
          const inline = document.createElement("script")
          inline.textContent = "window.inside = true"
          document.head.append(inline)
          await new Promise(resolve => setTimeout(resolve))
          return [...refused, window.inside ?? "not run"]
        }""",
        FOREIGN,
    )
    assert blocked == ["img-src", "script-src-elem", "connect-src", "script-src-elem", "not run"]


def test_a_link_with_foreign_markdown_shows_it_as_text(newcomer: Page, lab: Lab) -> None:
    page = newcomer
    asked = listen(page)
    foreign = f"![i]({FOREIGN}) :smile: a <-> b <= c -- d"
    page.goto(f"{lab.url}/lessons?lesson=2-order&epochs={quote(foreign)}")
    alert = page.get_by_test_id("stAlertContentInfo")
    expect(alert).to_contain_text(f"this link's {foreign} is not used")
    expect(alert.locator("img, a")).to_have_count(0)
    assert FOREIGN not in asked
