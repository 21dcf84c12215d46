import os
import re
import threading

import pytest

from core.analysis.evaluation import evaluate
from core.models import formats, names
from core.models.checkpoints import (
    Checkpoint,
    CheckpointError,
    load_parameters,
    pack_parameters,
    save_checkpoint,
    save_parameters,
)
from core.models.formats import FORMATS
from core.models.library import Library, Opened, read_file
from core.owners import Visitor
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer
from tests.core.models.formats.conftest import same

ADA, BO = Visitor("a" * 16, "Ada", True, False), Visitor("b" * 16, "Bo", True, False)
TEACHER = Visitor("c" * 16, "Grace", True, True)
CONFIG = RunConfig(optimizer="sgd", lr=0.3)
BAD_NAMES = [
    "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", ".hidden", "a\0b", "a\nb", "a" * 65, "a" * 5000, "%2e%2e/x",
    "%2e%2e%2fx", "-x", "ä", "x:y", "~", "$HOME", "x\u202ey",
]  # fmt: skip


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "models")


@pytest.fixture
def kept(library, trained):
    model = Opened(trained, {"config": CONFIG.to_dict(), "metrics": {"step": 750, "test_accuracy": 0.1}})
    return Library(library.folder, ADA).keep(model, "first", notes="mine", origin="run 1, epoch 1")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_kept_model_says_what_it_is_and_is_measured_anew(kept, library, trained):
    assert library.models() == [kept]
    assert (kept.name, kept.kind, kept.owner, kept.notes, kept.origin) == (
        "first", "parameters", "Ada", "mine", "run 1, epoch 1",
    )  # fmt: skip
    assert (kept.config, kept.step, kept.problem) == (CONFIG, 750, "")
    assert 0.9 < kept.test_accuracy < 1 and 0 < kept.test_loss < 0.5
    assert kept.size == kept.path.stat().st_size == len(library.content("first"))
    assert same(library.open("first").network, trained)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_will_not_do_is_refused_everywhere(name, kept, library, tmp_path):
    before = files(tmp_path)
    rule = re.escape("name must be 1 to 64 letters from A to Z, digits, spaces, dots, hyphens or underscores")
    unknown = "There is no saved model called "
    for action, words in (
        (lambda: library.keep(library.open("first"), name), rule),
        (lambda: library.rename("first", name), rule),
        (lambda: library.model(name), unknown),
        (lambda: library.content(name), unknown),
        (lambda: library.duplicate(name), unknown),
        (lambda: library.delete(name), unknown),
        (lambda: library.restore(name), unknown),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            action()
        assert len(str(caught.value)) < 300
        assert str(caught.value).isprintable()
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["../x", "/etc/cron.d/x", "%2e%2e", "a\0b", "a" * 5000, "..\\x", ".", "", "ä ö", "-"])
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_file_from_outside_gets_a_name_that_will_do(name, suffix, library, trained, tmp_path):
    content = formats.write(formats.of_name(suffix), trained, {})
    model = library.bring(name + suffix, content)
    assert files(tmp_path) == [f"models/{model.name}.safetensors"]
    assert model.origin.startswith("the file ") and model.origin.isprintable()
    assert same(library.open(model.name).network, trained)
    again = library.bring(name + suffix, content)
    assert again.name == f"{model.name[:58]} 2"


@pytest.mark.parametrize("format", formats.READABLE, ids=lambda format: format.label)
def test_a_file_of_every_format_comes_in(format, library, trained):
    content = formats.write(format, trained, {"notes": "hello", "owner_id": ADA.id})
    model = Library(library.folder, BO).bring(f"theirs{format.suffix}", content)
    assert (model.name, model.owner, model.owner_id) == ("theirs", "Bo", BO.id)
    assert model.origin == f"the file theirs{format.suffix}"
    assert model.notes == ("hello" if format.label == "safetensors" else "")
    assert same(library.open("theirs").network, trained)


def test_nothing_that_a_file_claims_is_believed(library, trained):
    claims = {
        "config": {"optimizer": "magic"},
        "metrics": {"test_accuracy": 1.0, "step": "many", "x": "y"},
        "owner": "Somebody",
        "origin": "heaven",
        "notes": "n" * 5000,
        "extra": 1,
    }
    model = library.bring("x.safetensors", pack_parameters(trained, claims))
    assert model.test_accuracy < 1
    assert (model.config, model.step, model.owner, model.origin) == (None, None, "", "the file x.safetensors")
    assert model.notes == "n" * 2000
    assert "extra" not in load_parameters(model.path)[1]


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", bytes(50_000_000)])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".weights.h5", ".pkl"])
def test_a_bad_file_leaves_nothing(content, suffix, library, tmp_path):
    with pytest.raises(CheckpointError):
        library.bring("x" + suffix, content)
    assert files(tmp_path) == []


def test_a_taken_name_is_refused_and_its_model_stays(kept, library):
    before = kept.path.read_bytes()
    other = Opened(Network(5), {})
    for action in (lambda: library.keep(other, " first.safetensors "), lambda: library.rename("second", "first")):
        library.keep(other, "second") if not (library.folder / "second.safetensors").exists() else None
        with pytest.raises(ValueError, match=r"name must be one that no saved model has, got name = first\."):
            action()
    assert kept.path.read_bytes() == before


def test_rename_duplicate_and_note(kept, library, trained):
    library = Library(library.folder, ADA)
    copy = library.duplicate("first")
    assert (copy.name, library.duplicate("first").name) == ("first copy", "first copy 2")
    renamed = library.rename("first copy", "second")
    assert (renamed.name, renamed.owner, renamed.config) == ("second", "Ada", CONFIG)
    assert library.note("second", "\x1b[2Jbetter\nwords").notes == "�[2Jbetter\nwords"
    noted = library.note("second", "better words")
    assert (noted.notes, noted.owner, noted.test_accuracy) == ("better words", "Ada", kept.test_accuracy)
    assert same(library.open("second").network, trained)
    assert [model.name for model in library.models()] == ["first", "first copy 2", "second"]
    with pytest.raises(ValueError, match=r"notes must be at most 2000 characters, got 2001\."):
        library.note("second", "n" * 2001)


def test_delete_goes_to_the_bin_and_comes_back(kept, library, trained):
    library.delete("first")
    assert library.models() == []
    library.keep(Opened(Network(5), {}), "first")
    library.delete("first")
    assert [model.name for model in library.deleted()] == ["first", "first 2"]
    assert same(library.open(library.restore("first").name).network, trained)
    assert library.restore("first 2").name == "first 2"
    library.delete("first")
    library.empty_bin()
    assert (library.deleted(), [model.name for model in library.models()]) == ([], ["first 2"])


def test_only_models_that_were_shown_leave_the_bin_for_good(kept, library):
    library.delete("first")
    shown = library.deleted()
    library.keep(Opened(Network(5), {}), "second")
    library.delete("second")
    library.empty_bin(shown)
    assert [model.name for model in library.deleted()] == ["second"]
    # Another model, by the name of one that was shown.
    library.keep(Opened(Network(6), {}), "first")
    library.delete("first")
    library.empty_bin(shown)
    assert [model.name for model in library.deleted()] == ["first", "second"]


def test_a_restored_model_steps_aside_for_one_of_its_name(kept, library):
    library.delete("first")
    library.keep(Opened(Network(5), {}), "first")
    assert library.restore("first").name == "first 2"


def test_the_model_that_comes_with_the_lab_stays_as_it_is(kept, library, trained):
    save_parameters(trained, library.folder / "reference.safetensors", {})
    before = (library.folder / "reference.safetensors").read_bytes()
    rule = "The model reference comes with the lab: it cannot be changed; duplicate it instead."
    for action in (
        lambda: library.rename("reference", "x"),
        lambda: library.delete("reference"),
        lambda: library.note("reference", "x"),
    ):
        with pytest.raises(ValueError, match=rule):
            action()
    with pytest.raises(ValueError, match="name must be another than that of the network that comes"):
        library.rename("first", "reference")
    assert library.duplicate("reference").name == "reference copy"
    assert (library.folder / "reference.safetensors").read_bytes() == before


def test_nobody_can_be_the_model_that_comes_with_the_lab(kept, library):
    with pytest.raises(ValueError, match="name must be another than that of the network that comes"):
        library.rename("first", "reference")


def test_links_pipes_and_broken_files_in_the_folder_are_listed_with_their_problem(kept, library, tmp_path):
    elsewhere = tmp_path / "elsewhere.safetensors"
    elsewhere.write_bytes(kept.path.read_bytes())
    (library.folder / "link.safetensors").symlink_to(elsewhere)
    os.mkfifo(library.folder / "pipe.safetensors")
    (library.folder / "folder.safetensors").mkdir()
    (library.folder / "broken.safetensors").write_bytes(b"x")
    (library.folder / ".hidden.safetensors").write_bytes(b"x")
    (library.folder / "large.safetensors").write_bytes(bytes(5_000_000))
    problems = {model.name: model.problem for model in library.models()}
    assert problems.pop("first") == ""
    assert sorted(problems) == ["broken", "folder", "large", "link", "pipe"]
    assert problems["link"].endswith("link.safetensors must be a file itself, got a link.")
    assert problems["pipe"].endswith("pipe.safetensors must be an ordinary file, got something else.")
    assert "must have at most" in problems["large"]
    assert problems["broken"].startswith("This is not a readable safetensors file")
    with pytest.raises(ValueError, match=r"got a link\."):
        library.open("link")
    library.delete("link")
    assert elsewhere.exists()


@pytest.fixture(scope="module")
def left_run():
    """A run of two epochs that was left in its second, and the same run to its end."""
    config = RunConfig(epochs=2, schedule="cosine", seed=5)
    left, whole = Trainer(config), Trainer(config)
    left.pause_at = 1000
    list(left.events())
    list(whole.events())
    return left, whole


@pytest.fixture
def whole_file(left_run, tmp_path):
    left, _ = left_run
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, Checkpoint(left.config, left.state(), {"environment": {"threads": 1}, "run": "ab12"}))
    return path


def test_a_whole_model_is_kept_with_all_that_training_goes_on_from(library, left_run, whole_file):
    left, whole = left_run
    model = library.bring("run.safetensors", whole_file.read_bytes(), notes="half way")
    assert (model.kind, model.step, model.config, model.run) == ("whole model", 1000, left.config, "ab12")
    library.note("run", "still half way")
    library.rename("run", "half")
    library.duplicate("half")
    library.delete("half")
    library.restore("half")
    for name in ("half", "half copy"):
        assert (library.model(name).kind, library.model(name).notes) == ("whole model", "still half way")
        checkpoint = library.open(name).checkpoint
        assert checkpoint.metadata["environment"] == {"threads": 1}
        again = Trainer(checkpoint.config)
        again.restore(checkpoint.state)
        *_, finished = again.events()
        assert finished.step == whole.step
        assert same(again.network, whole.network)


def test_a_whole_model_is_a_network_like_any_other(library, left_run, whole_file):
    library.bring("run.safetensors", whole_file.read_bytes())
    for source in (whole_file, library.content("run"), library.folder / "run.safetensors"):
        network, metadata = load_parameters(source)
        assert same(network, left_run[0].network)
        assert metadata["config"]["schedule"] == "cosine"


def test_no_folder_is_no_models(library):
    assert (library.models(), library.deleted()) == ([], [])
    assert FORMATS["safetensors"].suffix == ".safetensors"


def refused(action, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        action()


def test_only_its_owner_and_the_teacher_change_a_model_and_a_copy_is_its_makers(kept, library):
    own, others, teachers = (Library(library.folder, by) for by in (ADA, BO, TEACHER))
    before = kept.path.read_bytes()
    sentence = (
        "The model first can be changed or deleted only by Ada, who saved it, or the teacher; duplicate it instead."
    )
    assert (own.refusal(kept), teachers.refusal(kept), others.refusal(kept)) == ("", "", sentence)
    for action in (
        lambda: others.rename("first", "second"),
        lambda: others.note("first", "mine now"),
        lambda: others.delete("first"),
    ):
        refused(action, sentence)
    assert kept.path.read_bytes() == before
    copy = others.duplicate("first")
    assert (copy.owner, copy.owner_id, copy.notes, copy.origin) == ("Bo", BO.id, "mine", "run 1, epoch 1")
    assert (others.note(copy.name, "mine now").owner_id, others.rename(copy.name, "mine").owner_id) == (BO.id, BO.id)
    own.delete("first")
    teachers.delete("mine")
    binned = "The model first can be changed or deleted only by Ada, who saved it, or the teacher."
    refused(lambda: others.restore("first"), binned)
    others.empty_bin()
    assert [model.name for model in library.deleted()] == ["first"]
    assert own.restore("first").owner_id == ADA.id
    assert teachers.rename("first", "seen").owner_id == ADA.id


def test_a_model_without_an_owner_is_the_teachers_and_in_an_open_lab_everyones(library, trained):
    library.keep(Opened(trained, {"owner": "Bo", "owner_id": BO.id}), "old")
    assert library.model("old").owner_id == ""
    sentence = "The model old can be changed or deleted only by the teacher; duplicate it instead."
    refused(lambda: Library(library.folder, BO).delete("old"), sentence)
    in_open_lab = Library(library.folder, Visitor(BO.id, "Bo", True, False, open_lab=True))
    in_open_lab.delete("old")
    in_open_lab.restore("old")
    Library(library.folder, TEACHER).rename("old", "new")
    Library(library.folder, ADA).keep(Opened(trained, {}), "hers")
    hers = "The model hers can be changed or deleted only by Ada, who saved it; duplicate it instead."
    refused(lambda: in_open_lab.delete("hers"), hers)


@pytest.mark.parametrize("name", ["net.npz", "net.onnx", "net.keras", "net.h5", "net.safetensors"])
def test_an_empty_file_is_called_so(name):
    with pytest.raises(CheckpointError, match=r"^The file is empty\.$"):
        read_file(name, b"")


def test_lists_while_others_rename(kept, library):
    """Files are renamed behind the library's back too, as by another process."""
    done, failed, listed = threading.Event(), [], []

    def look():
        try:
            while not done.is_set():
                listed.append([model.problem for model in library.models()])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    name, other = kept.path, kept.path.with_name("second.safetensors")
    for _ in range(300):
        library.rename("first", "second")
        os.rename(other, name)
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(listed) > 6 and not any(map(any, listed))


def test_a_model_that_was_away_when_it_was_opened_has_no_problem(kept, library, monkeypatch):
    """It is there before and after, as when others rename it to and fro."""
    os.utime(kept.path, (1, 1))

    def away(*arguments):
        raise FileNotFoundError(2, "No such file or directory")

    with monkeypatch.context() as moving:
        moving.setattr("core.files.os.open", away)
        assert library.models() == []
        refused(lambda: library.model("first"), "There is no saved model called first.")
    assert [model.problem for model in library.models()] == [""]


def test_a_model_that_could_not_be_read_for_a_moment_is_read_at_the_next_look(kept, library, monkeypatch):
    again = Library(library.folder)
    os.utime(kept.path, (1, 1))

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as refusing:
        refusing.setattr("core.files.os.open", refuse)
        (model,) = again.models()
        assert model.problem.endswith("first.safetensors cannot be read: Permission denied.")
    (model,) = again.models()
    assert (model.problem, model.owner) == ("", "Ada")


def test_a_model_that_vanishes_is_a_name_that_no_model_has(kept, library, monkeypatch):
    monkeypatch.setattr("core.models.names.os.path.lexists", lambda path: path.name == "gone.safetensors")
    refused(lambda: library.model("gone"), "There is no saved model called gone.")


def changes(library, trained):
    return {
        "keep": lambda: library.keep(Opened(trained, {}), "another"),
        "duplicate": lambda: library.duplicate("first"),
        "note": lambda: library.note("first", "other words"),
        "rename": lambda: library.rename("first", "second"),
        "delete": lambda: library.delete("first"),
        "restore": lambda: library.restore("thrown away"),
        "empty_bin": library.empty_bin,
    }


def snapshot(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("change", ["keep", "duplicate", "note"])
def test_on_a_full_disk_a_change_fails_whole(change, small_disk, trained):
    folder, _ = small_disk
    library = Library(folder)
    library.keep(Opened(trained, {}), "first", notes="words")
    (folder / "ballast").write_bytes(bytes(500_000))
    before = snapshot(folder)
    with pytest.raises(OSError, match="No space left on device"):
        changes(library, trained)[change]()
    assert snapshot(folder) == before
    assert library.model("first").notes == "words"
    (folder / "ballast").unlink()
    changes(library, trained)[change]()


@pytest.mark.parametrize("change", ["keep", "duplicate", "note", "rename", "delete", "restore", "empty_bin"])
def test_on_a_read_only_disk_a_change_fails_whole(change, small_disk, trained):
    folder, mount = small_disk
    library = Library(folder)
    for name in ("first", "thrown away"):
        library.keep(Opened(trained, {}), name)
    library.delete("thrown away")
    before = snapshot(folder)
    mount("-o", "remount,ro")
    with pytest.raises(OSError, match="Read-only file system"):
        changes(library, trained)[change]()
    assert snapshot(folder) == before
    assert ([model.name for model in library.models()], library.deleted()[0].name) == (["first"], "thrown away")


def test_a_file_steps_aside_for_a_name_that_another_process_takes_meanwhile(library, trained, monkeypatch):
    content = formats.write(FORMATS["npz"], trained, {})

    def measured_slowly(*arguments):
        library.folder.mkdir(parents=True, exist_ok=True)
        names.place(library.folder, "net").write_bytes(b"theirs")
        return evaluate(*arguments)

    monkeypatch.setattr("core.models.library.evaluate", measured_slowly)
    assert library.bring("net.npz", content).name == "net 2"
    assert names.place(library.folder, "net").read_bytes() == b"theirs"
    with pytest.raises(ValueError, match="name must be one that no saved model has"):
        library.bring("net.npz", content, "net")
