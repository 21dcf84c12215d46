"""Runs as CSV and JSON: every step once, whatever happened to the run."""

import csv
import io
import json
import math

import pytest

from core.runs import export
from core.runs.store import Store
from core.training.config import RunConfig


@pytest.fixture
def run(tmp_path):
    store = Store(tmp_path / "lab.sqlite")
    store.add(
        "abc", RunConfig(epochs=2, lr=0.5), 1000.0, "finished", name="=1+1", tags=["exam"], environment={"threads": 1}
    )
    yield store.run("abc")
    store.close()


def block(first, losses):
    return {
        "event": "StepsDone",
        "first_step": first,
        "losses": losses,
        "learning_rates": [0.5] * len(losses),
        "images_per_second": 1.0,
        "at": 1.0,
    }


def epoch(number, step, accuracy):
    return {
        "event": "EpochDone",
        "epoch": number,
        "step": step,
        "train_loss": 0.5,
        "train_accuracy": 0.8,
        "validation_loss": 0.4,
        "validation_accuracy": accuracy,
        "seconds": 0.25,
        "at": 2.0,
    }


EVENTS = [
    {"event": "State", "state": "running", "position": None, "message": "", "stalled": False, "at": 0.5},
    block(0, [2.0, 1.0, 9.0]),
    epoch(0, 2, 0.1),
    {"event": "Resumed", "step": 1, "epoch": 0, "exact": True, "message": "", "at": 3.0},
    block(1, [1.0]),
    epoch(0, 2, 0.9),
    {"event": "CommandApplied", "step": 2, "command": "learning_rate", "value": 0.5, "at": 3.5},
    block(2, [math.nan, math.inf]),
    epoch(1, 4, None),
]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_a_step_and_an_epochs_figures_on_its_last(run):
    rows = table("".join(export.csv_lines([(run, EVENTS)])))
    assert list(rows[0]) == list(export.CSV_COLUMNS)
    assert [row["step"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["loss"] for row in rows] == ["2.0", "1.0", "nan", "inf"]
    assert [(row["epoch"], row["validation_accuracy"]) for row in rows] == [("", ""), ("0", "0.9"), ("", ""), ("1", "")]
    assert {(row["run"], row["number"], row["learning_rate"]) for row in rows} == {("abc", "1", "0.5")}


@pytest.mark.parametrize(
    ("name", "cell"),
    [("=1+1", "'=1+1"), ("+1", "'+1"), ("-a", "'-a"), ("@sum", "'@sum"), ("\t=1", "'\t=1"), ("a=b", "a=b"), ("", "")],
)
def test_no_name_is_a_formula(name, cell):
    assert export.spreadsheet_text(name) == cell


def test_the_name_in_the_csv_is_no_formula(run):
    assert table("".join(export.csv_lines([(run, EVENTS)])))[0]["name"] == "'=1+1"


def test_several_runs_share_one_header(run):
    rows = table("".join(export.csv_lines([(run, EVENTS), (run, EVENTS)])))
    assert len(rows) == 8


def test_a_run_without_events_has_no_rows(run):
    assert "".join(export.csv_lines([(run, [])])).splitlines() == [",".join(export.CSV_COLUMNS)]


def test_json_has_all_of_the_run_and_is_strict(run):
    def refuse(name):
        raise AssertionError(name)

    (told,) = json.loads(export.json_text([(run, EVENTS)]), parse_constant=refuse)
    assert (told["id"], told["number"], told["name"], told["tags"]) == ("abc", 1, "=1+1", ["exam"])
    assert RunConfig.from_dict(told["config"]) == run.config
    assert told["environment"] == {"threads": 1}
    assert told["points"] == {"step": [0, 1, 2, 3], "loss": [2.0, 1.0, None, None], "learning_rate": [0.5] * 4}
    assert [(e["epoch"], e["validation_accuracy"]) for e in told["epochs"]] == [(0, 0.9), (1, None)]
    assert [(c["step"], c["command"], c["value"]) for c in told["commands"]] == [(2, "learning_rate", 0.5)]
    assert [(s["state"], s["at"]) for s in told["states"]] == [("running", 0.5)]
