"""The lab for those who go by keyboard, listen, or ask for little motion; axe-core looks at every page."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser import DESKTOP, PHONE, Lab, Profiles
from tests.e2e.test_draw import SEVEN, draw, says
from tests.visiting import PAGES, expect_state, inspect, look, open_at, own_rate, save, train, train_button, wait_in

#: What axe-core calls an obstacle; lesser findings are advice.
GRAVE = ("serious", "critical")


def faults(page: Page) -> list[str]:
    """Each obstacle that axe-core finds on the page as it stands, with the first elements that are one."""
    # Asked for all that is right too, it writes a megabyte and takes three times as long.
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {[node['html'][:120] for node in v['nodes'][:3]]}" for v in found if v["impact"] in GRAVE]


def drawn(page: Page) -> None:
    """Wait until every chart on the page has its summary."""
    wait_in(page, "() => [...document.querySelectorAll('.chart-save')].every(button => !button.disabled)")


#: Colour scheme and its background, and the size of the screen.
LOOKS = (("dark", "rgb(16, 23, 29)", PHONE["viewport"]), ("light", "rgb(252, 252, 251)", DESKTOP["viewport"]))


def in_both_looks(page: Page) -> list[str]:
    """The faults on a phone in the dark and on a desk in the light; the page follows by itself."""
    found = []
    for scheme, paper, size in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", paper)
        drawn(page)
        # What comes, goes, or changes its colour has too little contrast for a moment.
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        wait_in(page, "() => document.getAnimations().every(each => each.effect.getTiming().iterations === Infinity)")
        found += [f"{scheme}: {fault}" for fault in faults(page)]
    return found


def test_axe_finds_no_obstacle_on_any_page(lab: Lab, page: Page) -> None:
    found: dict[str, list[str]] = {}
    for title in PAGES:
        open_at(page, lab, title)
        # The bar of what is still computed fades at each look at it.
        expect(page.get_by_test_id("stProgress")).to_have_count(0)
        found[title] = in_both_looks(page)
    runs = lab.runs
    for title, address in {
        "a run": f"/runs?run={runs['adam']}",
        "a run on Train": f"/?run={runs['sgd']}",
        "runs compared": f"/runs?compare={runs['adam']},{runs['sgd']}",
        "leaderboard": "/runs?view=Leaderboard",
        "a model": "/models?model=good",
        "confidence": "/predictions?model=good&p-tab=Confidence",
        "a digit": "/predictions?model=good&digit=8",
        "a lesson": "/lessons?lesson=2-order",
        "a race": f"/sweep?runs={runs['adam']},{runs['sgd']}",
    }.items():
        page.goto(lab.url + address)
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        inspect(page)
        found[title] = in_both_looks(page)
    assert {title: those for title, those in found.items() if those} == {}


def test_train_is_five_steps_of_the_keyboard_from_the_first_setting(page: Page, lab: Lab) -> None:
    open_at(page, lab, "Train")
    own_rate(page)
    page.get_by_role("combobox", name="Optimizer").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(train_button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect_state(page, "finished")
    # Said once, for who does not see it.
    news = page.get_by_test_id("news")
    expect(news).to_have_attribute("role", "status")
    expect(news).to_have_text(re.compile(r"#\d+ Adam .*: finished, test accuracy 9\d\.\d\d%, test loss 0\.\d{4}\."))


def test_curves_are_walked_by_keys(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/?run={lab.runs['adam']}")
    chart = page.get_by_test_id("plot")
    summary = re.compile(
        r"^#\d+ short adam, chart\. Last values: Loss, each step \S+; Loss, smoothed \S+; Loss, validation"
    )
    expect(chart).to_have_attribute("aria-label", summary)
    losses = page.evaluate("document.querySelector('.live-plot').data[0].y")
    said = page.locator(".live .chart-said")
    expect(said).to_have_attribute("aria-live", "polite")
    chart.focus()
    chart.press("ArrowLeft")
    expect(said).to_have_text(f"Loss, each step: {float(f'{losses[-1]:.4g}'):g} at step 187")
    expect(page.locator(".live-plot .hovertext, .live-plot .hoverlayer .legend")).to_be_visible()
    chart.press("Home")
    expect(said).to_have_text(f"Loss, each step: {float(f'{losses[0]:.4g}'):g} at step 0")
    chart.press("ArrowDown")
    expect(said).to_have_text(re.compile(r"^Loss, smoothed: .* at step 0$"))
    chart.blur()
    expect(said).to_have_text("")


def test_the_answer_to_a_drawing_is_spoken(page: Page, lab: Lab) -> None:
    open_at(page, lab, "Draw")
    spoken = page.locator(".st-key-draw-spoken").get_by_role("status")
    expect(spoken).to_have_text("")
    # What is spoken must change inside an element that stays.
    spoken.evaluate("place => { place.stays = true }")
    draw(page, SEVEN)
    says(page, "7")
    expect(spoken).to_have_text(re.compile(r"^7: "))
    assert spoken.evaluate("place => place.stays")
    assert in_both_looks(page) == []


def test_little_motion_is_obeyed(lab: Lab, visitor: Profiles) -> None:
    page = visitor(**DESKTOP, reduced_motion="reduce").new_page()
    open_at(page, lab, "Surfaces")
    expect(page.get_by_test_id("play")).to_have_accessible_name("Play")
    assert page.get_by_test_id("scrub").input_value() == "0"
    lasting = """() => [...document.querySelectorAll("*")].map(each => getComputedStyle(each))
        .filter(style => Math.max(...style.transitionDuration.split(",").map(parseFloat)) > 0.001).length"""
    assert page.evaluate(lasting) == 0


def test_what_waits_for_an_answer_does_not_fade(page: Page, lab: Lab) -> None:
    #: What the browser still gets of an answer: that it has begun.
    begin = ["new_session", "session_status_changed"]
    waiting = False

    def between(socket: WebSocketRoute) -> None:
        def down(message: bytes | str) -> None:
            assert isinstance(message, bytes)
            kind = ForwardMsg.FromString(message).WhichOneof("type")
            if not waiting or kind in begin:
                socket.send(message)
            if waiting and kind in begin:
                begin.remove(kind)

        socket.connect_to_server().on_message(down)

    page.route_web_socket(re.compile("_stcore/stream"), between)
    open_at(page, lab, "Train")
    waiting = True
    own_rate(page)
    old = page.locator("[data-testid=stMain] [data-stale=true]")
    expect(old.first).to_be_visible()
    # Faded, or about to be.
    faded = """all => all.filter(each => getComputedStyle(each).opacity !== "1"
        || each.getAnimations().some(animation => animation.transitionProperty === "opacity")).length"""
    assert old.evaluate_all(faded) == 0


def test_charts_are_saved_on_a_phone_too(phone: Page, lab: Lab) -> None:
    phone.goto(f"{lab.url}/?run={lab.runs['adam']}")
    drawn(phone)
    name, picture = save(phone, phone.locator(".live"), "Picture, PNG")
    assert re.fullmatch(r"\d+-short-adam\.png", name)
    # Width in the header of a PNG: twice 960, however narrow the screen.
    assert int.from_bytes(picture[16:20]) == 1920
    _, numbers = save(phone, phone.locator(".live"), "Numbers, CSV")
    lines = numbers.decode().splitlines()
    assert lines[0] == "panel,series,step,value"
    assert len([line for line in lines if line.startswith("Loss,each step,")]) == 188
    _, drawing = save(phone, phone.locator(".still-figure").first, "Drawing, SVG")
    assert b"Learning rate over the run" in drawing and b"rate 0.001" in drawing


#: Pixels, up and down through its middle, in which an element is hit.
HIT = """element => {
    element.scrollIntoView({ block: "center" })
    const { left, top, width, height } = element.getBoundingClientRect(), x = left + width / 2, y = top + height / 2
    const hit = at => element.contains(document.elementFromPoint(x, at))
    let up = 0, down = 0
    while (up < 30 && hit(y - up - 1)) up++
    while (down < 30 && hit(y + down + 1)) down++
    return hit(y) ? up + 1 + down : 0
}"""


def test_a_finger_finds_forty_pixels(phone: Page, lab: Lab) -> None:
    adam, sgd = lab.runs["adam"], lab.runs["sgd"]
    targets = {
        f"/?run={adam}": (".live-controls label", ".chart-save", "[data-testid=stButtonGroup] button", "header button"),
        "/runs": (".runs tbody .choice label", ".runs th.run button", ".runs-filters select"),
        "/runs?view=Leaderboard": (".runs td.run a",),
        f"/runs?compare={adam},{sgd}": (".live-ranking button",),
        "/sweep": ("[data-testid=stCheckbox] label",),
        "/surfaces": (".surface-player .chip", ".surface-player .handle", ".surface-player [data-testid=inspect]"),
        "/lessons?lesson=2-order": ("[data-testid=stRadioOption]",),
    }
    found: dict[str, float] = {}
    for address, selectors in targets.items():
        phone.goto(lab.url + address)
        expect(phone.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        for selector in selectors:
            target = phone.locator(selector).first
            expect(target).to_be_visible()
            found[f"{address} {selector}"] = target.evaluate(HIT)
    assert {target: pixels for target, pixels in found.items() if pixels < 39} == {}


def test_runs_compared_are_saved_with_legend_and_settings(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/runs?compare={lab.runs['adam']},{lab.runs['sgd']}")
    drawn(page)
    _, drawing = save(page, page.locator(".live"), "Drawing, SVG")
    text = drawing.decode()
    assert "2 runs compared" in text and "batch 64" in text
    names = page.locator(".live-ranking tbody button span").all_inner_texts()
    assert len(names) == 2 and all(text.count(f">{name}<") == 1 for name in names)


def test_a_slow_network_shows_words_before_charts(page: Page, lab: Lab) -> None:
    """At 200 kB/s plotly.js takes seven seconds; it is held here for as long as the page is looked at."""
    held = []
    page.route("**/lab/plotly.min.js", lambda route: held.append(route))
    page.goto(f"{lab.url}/?run={lab.runs['adam']}")
    waiting = page.locator(".live .chart-wait")
    expect(waiting).to_have_text("Loading charts…")
    expect(page.get_by_test_id("test-accuracy")).to_have_text(re.compile(r"\d"))
    expect(page.locator(".still-figure .chart-wait").first).to_be_visible()
    held[0].continue_()
    expect(page.locator(".chart-wait")).to_have_count(0)
    drawn(page)
    look(page, "Train")


def test_a_lab_that_does_not_answer_is_said_so(visitor: Profiles, own_lab: Lab) -> None:
    page = visitor().new_page()
    open_at(page, own_lab, "Train")
    train(page, 1)
    expect_state(page, "finished")
    other = visitor().new_page()
    open_at(other, own_lab, "Runs")
    own_lab.stop()
    expect(page.get_by_test_id("link")).to_have_text("reconnecting…")
    expect(other.get_by_test_id("count")).to_have_text("1 run, reconnecting…")
    own_lab.start()
    expect(page.get_by_test_id("link")).to_have_text("")
    expect(other.get_by_test_id("count")).to_have_text("1 run")
