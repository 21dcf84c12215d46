from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from core import paths
from core.models.checkpoints import Checkpoint, load_parameters, save_checkpoint
from core.models.library import Library, Opened
from core.owners import Visitor
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer
from dashboard.views.models import dialogs, runs
from tests.dashboard.conftest import button, labels, open_page, text, wait_for_runs
from tests.reference import accuracies, percent
from tests.waiting import LIMIT

STRANGER = Visitor("f" * 16, "<script>alert(1)</script>", named=True, teacher=False)


@pytest.fixture
def library(service: Service) -> Library:
    library = Library(paths.models())
    for model in library.models():
        if model.name != "untrained":
            library.delete(model.name)
    library.empty_bin()
    words = {"notes": "*mine* <img src=x>", "origin": "the file a.npz"}
    Library(library.folder, STRANGER).keep(Opened(Network(4), {}), "another", **words)
    return library


@pytest.fixture
def page(library: Library) -> AppTest:
    return open_page("models")


def press(page: AppTest, label: str) -> AppTest:
    return button(page, label).click().run()


def html(page: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in page.get("html"))


def test_two_pairs_of_buttons_and_a_card_for_each_model(page: AppTest, library: Library) -> None:
    assert not page.exception
    assert labels(page)[:4] == ["Save parameters", "Load parameters", "Save whole model", "Load whole model"]
    assert "Library · 2" in text(page)
    assert html(page).count('aria-label="Confusion matrix"') == 2
    assert "From the file a.npz" in html(page)


def test_other_peoples_words_stay_words(page: AppTest) -> None:
    assert "<script>" not in html(page)
    assert "&lt;script&gt;" in html(page)
    assert "*mine* &lt;img src=x&gt;" in html(page)


def test_an_unknown_model_gets_a_sentence(library: Library) -> None:
    for name in ("nothing", "../../etc/passwd", "a" * 5000):
        page = open_page("models", model=name)
        assert not page.exception
        assert "a model that this lab does not have" in text(page)
        assert "All models" in labels(page)


def test_the_lowest_loss_is_not_called_the_best_epoch_which_is_of_the_highest_accuracy(service: Service) -> None:
    run_id = service.submit(RunConfig(epochs=12, train_images=1000, lr=0.003))
    wait_for_runs(service, [run_id])
    (choice,) = (choice for choice in runs.with_parameters() if choice.run.id == run_id and choice.best)
    history, step = service.history(run_id), load_parameters(choice.path)[1]["metrics"]["step"]
    lowest = min(history.epochs, key=lambda epoch: epoch.validation_loss or 0.0)
    assert history.best and step == lowest.step != history.best.step
    assert choice.label.endswith(" · at its lowest validation loss")


def test_a_model_has_its_figures_and_every_download(library: Library) -> None:
    page = open_page("models", model="untrained")
    assert not page.exception
    assert [metric.label for metric in page.metric] == ["Accuracy on the 10,000 test digits", "Test loss"]
    downloads = [element.proto.label for element in page.get("download_button")]
    assert downloads == ["safetensors", "ONNX", "Keras weights", "NumPy", "Contact sheet"]
    assert not any(element.proto.disabled for element in page.get("download_button"))


def test_without_its_package_a_download_says_what_to_install(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.formats.find_spec", lambda name: None)
    page = open_page("models", model="untrained")
    disabled = [element.proto.label for element in page.get("download_button") if element.proto.disabled]
    assert disabled == ["ONNX", "Keras weights"]
    assert "needs the package onnx" in text(page)


def test_duplicate_delete_restore(library: Library) -> None:
    page = press(open_page("models", model="untrained"), "Duplicate")
    assert [model.name for model in library.models()][-1] == "untrained copy"
    assert "untrained copy" in text(page)
    page = press(page, "Delete")
    assert [model.name for model in library.deleted()] == ["untrained copy"]
    page = press(page, "Restore")
    assert "untrained copy" in [model.name for model in library.models()]


def _renaming() -> None:
    import inspect

    from dashboard.views.models import detail

    inspect.unwrap(detail._rename)("untrained")


@pytest.mark.parametrize(("new", "refused"), [("untrained", False), (" untrained ", False), ("another", True)])
def test_a_model_may_be_given_the_name_that_it_has(new: str, refused: bool, library: Library) -> None:
    page = AppTest.from_function(_renaming, default_timeout=LIMIT).run()
    page.text_input[0].set_value(new)
    page = press(page, "Save")
    assert not page.exception
    sentence = "Name must be one that no saved model has; you entered another."
    assert [error.value for error in page.error] == [sentence] * refused


def test_a_damaged_file_is_shown_with_its_reason_and_can_be_deleted(library: Library) -> None:
    (library.folder / "broken.safetensors").write_bytes(b"x")
    page = open_page("models")
    assert not page.exception
    assert page.error[0].value.startswith("This is not a readable safetensors file")
    press(open_page("models", model="broken"), "Delete")
    assert "broken" not in [model.name for model in library.models()]


def test_two_models_are_compared_and_averaged(page: AppTest, library: Library) -> None:
    names = [model.name for model in library.models()]
    page.multiselect(key="models.together").set_value(names).run()
    assert not page.exception
    figures = {metric.label: metric.value for metric in page.metric}
    assert float(figures["In units of their size"]) == pytest.approx(1.41, abs=0.03)
    assert "Test accuracy of the average of 2" in figures
    page.text_input(key="models.soup").set_value("my soup").run()
    press(page, "Save the average")
    assert library.model("my soup").origin == f"the average of {', '.join(names)}"
    page = open_page("models")
    page.multiselect(key="models.together").set_value(names).run()
    page.text_input(key="models.soup").set_value("../x").run()
    press(page, "Save the average")
    assert not page.exception
    assert [error.value for error in page.error] == [
        r"Name must be 1 to 64 letters from A to Z\, digits\, spaces\, dots\, hyphens or underscores and begin with a "
        r"letter or a digit; you entered \.\.\/x."
    ]
    assert sorted(model.name for model in library.models()) == sorted([*names, "my soup"])


def test_an_average_has_a_free_name_until_one_is_typed(page: AppTest, library: Library) -> None:
    library.duplicate("another")
    names, all_three = ["another", "untrained"], ["another", "untrained", "another copy"]

    def proposed(chosen: list[str]) -> str:
        page.multiselect(key="models.together").set_value(chosen).run()
        return str(page.text_input(key="models.soup").value)

    assert proposed(names) == "soup of 2"
    assert proposed(all_three) == "soup of 3"
    library.duplicate("untrained")
    library.rename("untrained copy", "soup of 2")
    assert proposed(names) == "soup of 2 2"
    page.text_input(key="models.soup").set_value("mine").run()
    assert proposed(all_three) == "mine"


def test_no_models_is_an_invitation(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path))
    page = open_page("models")
    assert not page.exception
    assert "Nothing is saved yet" in page.info[0].value


def _saving() -> None:
    from types import SimpleNamespace

    from dashboard.views.models import dialogs

    dialogs._save([SimpleNamespace(label="first", name="adam-1"), SimpleNamespace(label="second", name="sgd-2")])


def test_another_run_suggests_another_name_until_one_is_typed() -> None:
    page = AppTest.from_function(_saving, default_timeout=LIMIT).run()
    assert page.text_input[0].value == "adam-1"
    page.selectbox[0].select_index(1).run()
    assert page.text_input[0].value == "sgd-2"
    page.text_input[0].set_value("my own").run()
    page.selectbox[0].select_index(0).run()
    assert not page.exception and page.text_input[0].value == "my own"
    # Emptied, it waits for a name; another run suggests one again.
    page.text_input[0].set_value("").run()
    assert page.text_input[0].value == ""
    page.selectbox[0].select_index(1).run()
    assert page.text_input[0].value == "sgd-2"


def test_anothers_model_can_be_duplicated_alone_and_the_page_says_why(library: Library) -> None:
    page = open_page("models", model="another")
    assert not page.exception
    assert [label for label in labels(page) if label in ("Rename", "Duplicate", "Delete")] == ["Duplicate"]
    sentence = "The model another can be changed or deleted only by <script>alert(1)</script>, who saved it"
    assert f"{sentence}; duplicate it instead." in text(page).replace("\\", "")
    assert not page.text_area
    page = press(page, "Duplicate")
    assert {"Rename", "Duplicate", "Delete"} < set(labels(page))
    copy = library.model("another copy")
    assert copy.owner == f"Guest {copy.owner_id[:4]}"
    assert f"by {copy.owner}" in text(page)


def test_what_another_put_into_the_bin_stays_there(library: Library) -> None:
    library.delete("another")
    library.duplicate("untrained")
    library.delete("untrained copy")
    page = open_page("models")
    assert labels(page).count("Restore") == 1
    assert "This deletes 1 model that you may delete for everyone." in text(page)
    assert "The model another can be changed or deleted only by" in text(page)
    press(page, "Delete for good")
    assert [model.name for model in library.deleted()] == ["another"]
    assert "Delete for good" not in labels(open_page("models"))


def test_a_model_that_came_into_the_bin_after_the_question_stays_there(library: Library) -> None:
    for name in ("asked about", "later"):
        library.duplicate("untrained")
        library.rename("untrained copy", name)
    library.delete("asked about")
    page = open_page("models")
    assert "This deletes 1 model for everyone." in text(page)
    library.delete("later")
    press(page, "Delete for good")
    assert [model.name for model in library.deleted()] == ["later"]


@pytest.mark.usefixtures("teachers_lab")
def test_with_a_teacher_what_nobody_owns_is_theirs(library: Library) -> None:
    page = open_page("models", model="untrained")
    assert not {"Rename", "Delete"} & set(labels(page))
    sentence = "The model untrained can be changed or deleted only by the teacher; duplicate it instead."
    assert sentence in text(page).replace("\\", "")


def test_a_full_and_a_read_only_disk_are_a_sentence_and_nothing_changes(
    service: Service, small_disk: tuple[Path, Callable[..., None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, mount = small_disk
    monkeypatch.setenv("DESCENT_MODELS", str(folder))
    Library(folder).keep(Opened(Network(4), {}), "first", notes="words")
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(600_000))
    content = (folder / "first.safetensors").read_bytes()

    def refusal(act: Callable[[AppTest], object]) -> list[str]:
        page = open_page("", model="first")
        page.switch_page("views/models/page.py")
        page.query_params["model"] = "first"
        page.run()
        act(page)
        assert not page.exception
        return [error.value for error in page.error]

    def note(page: AppTest) -> object:
        return page.text_area[0].set_value("other words").run()

    for act in (note, lambda page: press(page, "Duplicate")):
        assert refusal(act) == ["The lab could not use its disk: No space left on device."]
    ballast.unlink()
    mount("-o", "remount,ro")
    for act in (note, lambda page: press(page, "Duplicate"), lambda page: press(page, "Delete")):
        assert refusal(act) == [r"The lab could not use its disk: Read\-only file system."]
    assert [path.name for path in folder.iterdir()] == ["first.safetensors"]
    assert (folder / "first.safetensors").read_bytes() == content


FILES: dict[str, bytes] = {}


def _dropping(name: str, whole: bool) -> None:
    from types import SimpleNamespace

    from dashboard.views.models import dialogs
    from tests.dashboard.views.test_models import FILES

    dialogs._bring(SimpleNamespace(name=name, file_id=name, getvalue=lambda: FILES[name]), whole)


def dropped(name: str, content: bytes, whole: bool = False) -> AppTest:
    FILES[name] = content
    return AppTest.from_function(_dropping, args=(name, whole), default_timeout=LIMIT).run()


def reference() -> dict[str, torch.Tensor]:
    network = load_parameters(paths.ROOT / "models" / "reference.safetensors")[0]
    return dict(zip(("W1", "b1", "W2", "b2"), (p.detach().clone() for p in network.parameters()), strict=True))


def test_a_network_of_another_tool_is_loaded_under_its_files_name(library: Library) -> None:
    page = dropped("theirs.safetensors", save({name: tensor.double() for name, tensor in reference().items()}))
    assert labels(page) == ["Load"] and not page.info and not page.warning
    press(page, "Load")
    assert library.model("theirs").origin == "the file theirs.safetensors, converted from float64"
    assert library.model("theirs").test_accuracy == accuracies()[0]


@pytest.mark.parametrize(
    ("answer", "place"), [("Convert and load", 0), ("Load as it is", 1)], ids=["convert", "as it is"]
)
def test_a_network_of_another_convention_is_converted_if_a_person_agrees(
    answer: str, place: int, library: Library
) -> None:
    right, as_is = map(percent, accuracies())
    tensors = reference()
    tensors["b1"] += tensors["W1"].sum(1)
    tensors["W1"] *= -1
    page = dropped("dark.safetensors", save(tensors))
    assert page.info[0].value.replace("\\", "") == (
        f"As it is, the network reads {as_is} of the test digits; given what it was trained on, pixels from 0 to 1, "
        f"dark on light, it reads {right}."
    )
    assert labels(page) == ["Convert and load", "Load as it is"]
    press(page, answer)
    model = library.model("dark")
    assert model.test_accuracy == accuracies()[place]
    assert ("folded to take the lab's pixels" in model.origin) == (place == 0)


def test_a_network_that_reads_nothing_is_loaded_with_a_word(library: Library) -> None:
    page = dropped("guesses.safetensors", save({name: tensor.sign() for name, tensor in reference().items()}))
    assert "perhaps its hidden units are no ReLU" in page.warning[0].value
    press(page, "Load")
    assert library.model("guesses").test_accuracy < 0.5


def test_where_a_whole_model_is_asked_for_parameters_alone_are_loaded_with_a_word(
    library: Library, tmp_path: Path
) -> None:
    page = dropped("mere.safetensors", save(reference()), whole=True)
    assert [info.value for info in page.info] == [dialogs.NOT_WHOLE] and labels(page) == ["Load"]
    trainer = Trainer(config := RunConfig(epochs=1))
    save_checkpoint(tmp_path / "whole.safetensors", Checkpoint(config, trainer.state(), {}))
    page = dropped("whole.safetensors", (tmp_path / "whole.safetensors").read_bytes(), whole=True)
    assert not page.exception and not page.error and not page.info and labels(page) == ["Load"]


@pytest.mark.parametrize("name", ["net.pt", "net.PTH", "net.pkl", "pytorch_model.bin"])
def test_a_pickle_is_answered_with_two_lines_of_python(name: str, library: Library) -> None:
    before = [model.name for model in library.models()]
    page = dropped(name, b"\x80\x04N.")
    assert not page.exception
    sentence = page.error[0].value.replace("\\", "")
    assert "is a pickle, which runs code as it is opened, so the lab never opens one" in sentence
    assert page.code[0].language == "python" and len(page.code[0].value.splitlines()) == 2
    assert name in page.code[0].value
    assert not labels(page)
    assert [model.name for model in library.models()] == before


@pytest.mark.parametrize("name", ["net.safetensors", "net.npz", "net.keras", "net.h5", "net.onnx", "net.pb", "net"])
def test_a_file_that_cannot_be_read_is_one_sentence(name: str, library: Library) -> None:
    page = dropped(name, b"scrap")
    assert not page.exception and not labels(page)
    assert len(page.error) == 1 and page.error[0].value.endswith(".")


def test_a_network_of_other_widths_is_named(library: Library) -> None:
    wide = {"a": torch.zeros(256, 784), "b": torch.zeros(256), "c": torch.zeros(10, 256), "d": torch.zeros(10)}
    page = dropped("wide.safetensors", save(wide))
    assert "784-256-10 network, and the lab takes 784-128-10" in page.error[0].value.replace("\\", "")
