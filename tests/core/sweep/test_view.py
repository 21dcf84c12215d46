"""A sweep as CSV and JSON."""

import csv
import io
import json

from core.sweep import view


def test_files(scripted_lab):
    lab = scripted_lab
    study = lab.start("optimizer=adam,momentum", "momentum=0.5,0.9", epochs=2)
    first = lab.service.waiting()[0]
    lab.service.epoch(first, 0.8, loss=float("inf"))
    lab.service.train(first, 0.9)
    seen = lab.until(study, finished=1)
    rows = list(csv.DictReader(io.StringIO(view.csv_text(seen))))
    assert rows[0] == {
        "setting": "1",
        "state": "finished",
        "optimizer": "adam",
        "param.momentum": "",
        "trained_epochs": "2",
        "validation_loss": "1.0",
        "validation_accuracy": "0.9",
        "seeds": "1",
        "runs": first,
    }
    assert rows[1]["param.momentum"] == "0.5" and rows[1]["state"] == "waiting"
    whole = json.loads(view.json_text(seen))
    assert whole["trials"][0]["validation_loss"] == [None, 1.0] and whole["best"] == 0
    assert whole["trials"][0]["validation_accuracy"] == [0.8, 0.9] and whole["confirmation"] is None
