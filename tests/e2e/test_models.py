"""Models in a real browser: save, download, upload, refuse, continue, rename, delete, restore."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from safetensors.torch import load_file, save_file

from core.models.checkpoints import load_parameters, save_parameters
from core.paths import ROOT
from core.training.network import Network
from tests.browser import Lab
from tests.reference import accuracies, percent
from tests.visiting import scrolls_sideways


def open_models(page: Page, lab: Lab, query: str = "") -> None:
    page.goto(f"{lab.url}/models{query}")
    expect(page.get_by_role("button", name="All models" if query else "Save parameters")).to_be_visible()


def dialog(page: Page, button: str) -> Locator:
    page.get_by_role("button", name=button, exact=True).click()
    opened = page.get_by_role("dialog")
    expect(opened).to_be_visible()
    return opened


def upload(page: Page, opened: Locator, file: Path) -> None:
    opened.get_by_text("A file of yours").click()
    opened.locator("input[type=file]").set_input_files(file)


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def choose_run(page: Page, opened: Locator, name: str) -> None:
    box = opened.get_by_role("combobox", name="Run")
    # Typed, since a long list draws only the options in sight.
    box.fill(name)
    page.get_by_role("option", name=re.compile(name)).click()
    # Another run brings a field of its own for the name: what is typed before that is lost with the old field.
    expect(opened.get_by_role("textbox", name="Name")).to_have_value(re.compile(name))


def test_save_download_upload_in_every_format(page: Page, lab: Lab, tmp_path: Path) -> None:
    open_models(page, lab)
    saving = dialog(page, "Save parameters")
    choose_run(page, saving, "half way")
    saving.get_by_role("textbox", name="Name").fill("../x")
    saving.get_by_role("button", name="Save", exact=True).click()
    expect(saving.get_by_role("alert")).to_contain_text("Name must be 1 to 64 letters")
    saving.get_by_role("textbox", name="Name").fill("mine")
    saving.get_by_role("textbox", name="Notes").fill("the first one")
    saving.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    expect(page.get_by_text(re.compile(r"From run #\d+ half way.*epoch \d"))).to_be_visible()
    accuracy = page.get_by_test_id("stMetricValue").first.inner_text()
    saved, _ = load_parameters(lab.models / "mine.safetensors")

    for label, suffix in (("safetensors", ".safetensors"), ("Keras weights", ".weights.h5"), ("NumPy", ".npz")):
        open_models(page, lab, "?model=mine")
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        assert download.value.suggested_filename == f"mine{suffix}"
        file = tmp_path / f"back{suffix}"
        download.value.save_as(file)
        open_models(page, lab)
        loading = dialog(page, "Load parameters")
        upload(page, loading, file)
        expect(loading.get_by_role("textbox", name="Name")).to_be_visible()
        loading.get_by_role("textbox", name="Name").fill(f"back {suffix[1:3]}")
        loading.get_by_role("button", name="Load", exact=True).click()
        expect(page.get_by_role("heading", name=f"back {suffix[1:3]}")).to_be_visible()
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(accuracy)
        loaded, _ = load_parameters(lab.models / f"back {suffix[1:3]}.safetensors")
        assert all((a == b).all() for a, b in zip(saved.parameters(), loaded.parameters(), strict=True))
    for label, suffix in (("ONNX", ".onnx"), ("Contact sheet", ".png")):
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        assert download.value.suggested_filename.endswith(suffix)


def test_a_bad_file_is_refused_kindly_and_leaves_nothing(page: Page, lab: Lab, tmp_path: Path) -> None:
    before = sorted(path.name for path in lab.models.iterdir())
    open_models(page, lab)
    loading = dialog(page, "Load parameters")
    bad, pickled = tmp_path / "bad.npz", tmp_path / "mine.pt"
    for file in (bad, pickled):
        file.write_bytes(b"\x80\x04 a pickle, perhaps")
    upload(page, loading, bad)
    expect(loading.get_by_role("alert")).to_contain_text("This is not a readable NPZ file")
    expect(loading.get_by_role("button", name="Load", exact=True)).to_have_count(0)
    loading.locator("input[type=file]").set_input_files(pickled)
    expect(loading.get_by_role("alert")).to_contain_text("A .pt file is a pickle, which runs code as it is opened")
    expect(loading.get_by_test_id("stCode")).to_contain_text("torch.load('mine.pt'")
    assert sorted(path.name for path in lab.models.iterdir()) == before


def test_a_network_of_another_convention_is_converted_in_the_browser(page: Page, lab: Lab, tmp_path: Path) -> None:
    tensors = load_file(ROOT / "models" / "reference.safetensors")
    tensors["0.bias"] += tensors["0.weight"].sum(1)
    tensors["0.weight"] *= -1
    save_file(tensors, tmp_path / "dark.safetensors")
    open_models(page, lab)
    loading = dialog(page, "Load parameters")
    upload(page, loading, tmp_path / "dark.safetensors")
    right, as_is = map(percent, accuracies())
    expect(
        loading.get_by_text(re.compile(f"reads {as_is} of the test digits.*dark on light, it reads {right}"))
    ).to_be_visible()
    loading.get_by_role("button", name="Convert and load").click()
    expect(page.get_by_role("heading", name="dark")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(right)


def test_a_whole_model_goes_on_to_the_end_and_remembers_its_parent(page: Page, lab: Lab) -> None:
    open_models(page, lab)
    saving = dialog(page, "Save whole model")
    choose_run(page, saving, "half way")
    saving.get_by_role("textbox", name="Name").fill("to go on")
    saving.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="to go on")).to_be_visible()
    open_models(page, lab)
    loading = dialog(page, "Load whole model")
    box = loading.get_by_role("combobox", name="Whole model")
    # By typing: of a long list only the options in sight are drawn.
    box.fill("to go on")
    page.get_by_role("option", name="to go on", exact=True).click()
    stands = loading.get_by_text(re.compile(r"It stands after step [\d,]+ of 300,000"))
    epochs = int(stands.inner_text().split()[4].replace(",", "")) // 750 + 1
    field = loading.get_by_role("spinbutton", name="Epochs in all")
    field.fill(str(epochs))
    field.press("Tab")
    expect(field).to_have_value(str(epochs))
    loading.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_test_id("state")).to_have_text("finished")
    expect(page.get_by_test_id("step")).to_have_text(f"step {750 * epochs:,} of {750 * epochs:,}")
    expect(page.get_by_text(re.compile(r"Goes on from run #\d"))).to_be_visible()


def test_nothing_of_the_last_screen_stands_below_the_next(page: Page, lab: Lab) -> None:
    """Neither there nor back do parts of the library and of one model stand on the page together, not for a moment."""
    save_parameters(Network(8), lab.models / "one.safetensors", {})
    open_models(page, lab)
    page.evaluate(
        """() => {
            const there = label => [...document.querySelectorAll('button')].some(b => b.innerText.includes(label))
            window.mixed = 0
            const look = () => { if (there('Save parameters') && there('Contact sheet')) window.mixed += 1 }
            new MutationObserver(look).observe(document.body, {childList: true, subtree: true})
        }"""
    )
    card(page, "one").click()
    expect(page.get_by_role("textbox", name="Notes")).to_be_visible()
    page.get_by_role("button", name="All models").click()
    expect(page.locator(".model-card").first).to_be_visible()
    assert page.evaluate("window.mixed") == 0


def test_rename_notes_delete_and_restore(page: Page, lab: Lab) -> None:
    save_parameters(Network(8), lab.models / "old name.safetensors", {})
    open_models(page, lab, "?model=old name")
    renaming = dialog(page, "Rename")
    renaming.get_by_role("textbox", name="New name").fill("../new")
    renaming.get_by_role("button", name="Save").click()
    expect(renaming.get_by_role("alert")).to_contain_text("Name must be 1 to 64 letters")
    renaming.get_by_role("textbox", name="New name").fill("new name")
    renaming.get_by_role("textbox", name="New name").press("Enter")
    expect(page.get_by_role("heading", name="new name")).to_be_visible()
    expect(renaming).to_have_count(0)
    # Opened anew: what is typed while the page is still being drawn is lost with the old field.
    open_models(page, lab, "?model=new name")
    notes = page.get_by_role("textbox", name="Notes")
    notes.fill("worth keeping")
    notes.press("Control+Enter")
    expect(page.get_by_text("Notes saved.")).to_be_visible()
    page.get_by_role("button", name="All models").click()
    expect(page.get_by_text("worth keeping")).to_be_visible()
    card(page, "new name").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Save parameters")).to_be_visible()
    expect(card(page, "new name")).to_have_count(0)
    assert not (lab.models / "new name.safetensors").exists()
    page.get_by_text(re.compile(r"Bin · \d")).click()
    page.locator(".st-key-models-restore-new-name button").click()
    expect(card(page, "new name")).to_be_visible()
    assert (lab.models / "new name.safetensors").exists()


def test_a_phone_has_no_sideways_scroll(phone: Page, lab: Lab) -> None:
    for query in ("", "?model=good"):
        open_models(phone, lab, query)
        expect(phone.get_by_label("Confusion matrix").first).to_be_visible()
        assert not scrolls_sideways(phone)
