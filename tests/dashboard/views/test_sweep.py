"""The Sweep page: its form, the list, and one sweep's page by the number of settings that vary."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Status
from core.runs.service import Service
from core.sweep import intervals
from core.sweep.importance import IMPORTANCE
from core.sweep.settings import Settings
from core.sweep.text import parse
from core.sweep.view import View
from core.training.config import RunConfig
from dashboard import address, forms, lab
from dashboard.colors import BLUE, GREY
from dashboard.components.figure import drawing
from dashboard.views.sweep import drawings, form, heat_map, map_figure, map_table, one, search_figures, verdict
from dashboard.views.sweep.document import document
from dashboard.words import UNKNOWN
from tests.dashboard.conftest import button, figures, in_address, labels, open_page, text
from tests.waiting import wait_for

SHORT = RunConfig(epochs=2, validation_split=0.95)
STRANGER = "f" * 16


@pytest.fixture
def page(service: Service) -> AppTest:
    return open_page("sweep")


def ended(sweep_id: str) -> View:
    view: View = wait_for(lambda: lab.sweeps().view(sweep_id), lambda view: view.state != "running")
    return view


def tables(page: AppTest) -> list[Any]:
    return [e for e in page.get("bidi_component") if e.proto.component_name.endswith("run_table")]


def swept(*vary: str, **given: Any) -> str:
    """Return the id of a finished sweep of short runs."""
    sweep_id = lab.sweeps().start(Settings(parse(SHORT, vary), **given), owner_name="Ada")
    assert ended(sweep_id).state == "finished"
    return sweep_id


@pytest.fixture(scope="module")
def mapped(service: Service) -> str:
    """A finished map, with rates that are far too high."""
    base = RunConfig.recommended("sgd", epochs=2, validation_split=0.95)
    sweep_id = lab.sweeps().start(Settings(parse(base, ["lr=0.01:1000:log:3", "batch_size=16,64"])), owner_name="Ada")
    ended(sweep_id)
    return sweep_id


def test_the_form_begins_with_a_map_and_says_what_it_takes(page: AppTest) -> None:
    assert not page.exception and not page.error
    assert button(page, "Start").label == "Start 54 runs"
    said = text(page).replace("\\", "")
    assert "54 runs, about" in said and "worker" in said
    hidden = {forms.key("lr"), forms.key("batch_size")}
    assert not hidden & {widget.key for kind in ("selectbox", "text_input") for widget in page.get(kind)}


def test_a_setting_varies_at_a_click_and_not_any_more_at_another(page: AppTest) -> None:
    page.button(key="vary.on.optimizer").click().run()
    assert not page.exception
    # Four optimizers by nine rates by six batch sizes: a guided search of forty.
    assert button(page, "Start").label == "Start 40 runs"
    assert "guided" in page.selectbox(key="vary.sampler").format_func("").lower()
    for name in ("lr", "batch_size", "optimizer"):
        page.button(key=f"vary.off.{name}").click().run()
    assert button(page, "Start").disabled
    assert page.text_input(key=forms.key("lr")).value == "0.001"
    assert [error.value.replace("\\", "") for error in page.error] == [
        "Choose at least one setting to vary: press vary below it."
    ]


def test_a_parameter_of_the_optimizer_varies_over_its_registrys_bounds(page: AppTest) -> None:
    forms_key = forms.key("optimizer")
    page.selectbox(key=forms_key).set_value("momentum").run()
    page.button(key="vary.on.param.momentum").click().run()
    assert not page.exception and not page.error
    low, high = (float(page.text_input(key=f"vary.param.momentum.{end}").value) for end in ("low", "high"))
    assert 0 <= low < high < 1
    # Another optimizer does not have it, and it is not varied then.
    page.selectbox(key=forms_key).set_value("adam").run()
    assert not page.exception and not page.error
    assert button(page, "Start").label == "Start 54 runs"


@pytest.mark.parametrize(
    ("key", "entered", "sentence"),
    [
        ("vary.lr.low", "x", "Learning rate must be between 0 and 1000, above 0; you entered x."),
        ("vary.lr.low", "1", "Learning rate must run from a lower to a higher value; you entered 1 to 0.1."),
        ("vary.seeds", "11", "Seeds must be a whole number from 1 to 10; you entered 11."),
        ("vary.trials", "none", "Settings must be a whole number from 1 to 10000; you entered none."),
    ],
)
def test_what_is_wrong_is_said_in_labels_and_nothing_starts(
    page: AppTest, key: str, entered: str, sentence: str
) -> None:
    page.text_input(key=key).set_value(entered).run()
    assert [error.value.replace("\\", "").replace("10,000", "10000") for error in page.error] == [sentence]
    assert button(page, "Start").disabled


def test_one_click_starts_the_sweep_that_the_form_says_and_shows_it(page: AppTest) -> None:
    page.text_input(key=forms.key("validation_split")).set_value("0.95")
    page.text_input(key=forms.key("epochs")).set_value("1")
    page.text_input(key="vary.lr.points").set_value("2")
    page.multiselect(key="vary.batch_size.values").set_value(["64", "100"])
    page.text_input(key="vary.name").set_value("*mine*").run()
    assert button(page, "Start").label == "Start 4 runs"
    button(page, "Start").click().run()
    assert not page.exception
    view = ended(in_address(page, "sweep"))
    assert view.name == "*mine*" and view.settings.space.base.epochs == 1
    assert {tuple(trial.chosen.values()) for trial in view.trials} == {
        (rate, size) for rate in (1e-5, 0.1) for size in (64, 100)
    }
    page.run()
    assert page.subheader[0].value == "\\*mine\\*"


def test_an_empty_list_invites_to_the_first_map(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.sweeps(), "summaries", lambda: [])
    page = open_page("sweep")
    assert "See the whole map" in text(page)
    started: list[Settings] = []
    monkeypatch.setattr(lab.sweeps(), "start", lambda settings, *others, **more: started.append(settings) or "0" * 16)
    button(page, "Map learning rate").click().run()
    assert started == [form.first_map()] and in_address(page, "sweep") == "0" * 16
    assert started[0].space.base.epochs == 2 and started[0].space.names == ["lr", "batch_size"]


def test_the_list_opens_a_sweep(mapped: str) -> None:
    page = open_page("sweep")
    page.button(key=f"open.{mapped}").click().run()
    assert in_address(page, "sweep") == mapped
    assert "by Ada" in text(page)


def test_the_list_shows_the_latest_until_all_are_asked_for(mapped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = [summary for summary in lab.sweeps().summaries() if summary.id == mapped]
    many = [replace(one, id=f"{i:016x}", name=f"sweep {i}") for i in range(52)]
    monkeypatch.setattr(lab.sweeps(), "summaries", lambda: many)
    page = open_page("sweep")
    assert sum(label.startswith("**sweep ") for label in labels(page)) == 50
    button(page, "Only the latest 50 are shown. Show all").click().run()
    assert sum(label.startswith("**sweep ") for label in labels(page)) == 52
    assert not any("Show all" in label for label in labels(page))


def test_a_link_to_a_sweep_that_is_gone_is_told_kindly(service: Service) -> None:
    page = open_page("sweep", sweep="gone")
    assert not page.exception
    assert "does not have the sweep" in page.info[0].value


def test_the_map_tells_the_truth(mapped: str) -> None:
    page = open_page("sweep", sweep=mapped)
    assert not page.exception
    chart = figures(page)[0]
    view = ended(mapped)
    heat, *marks = chart["data"]
    by_cell = {(t.chosen["batch_size"], t.chosen["lr"]): t for t in view.trials}
    for i, size in enumerate(heat["y"]):
        for j, rate in enumerate(heat["x"]):
            trial = by_cell[size, rate]
            assert heat["z"][i][j] == trial.accuracy
            assert heat["customdata"][i][j] == trial.runs[0]
    assert chart["layout"]["xaxis"]["type"] == "log" and "learning rate" in chart["layout"]["xaxis"]["title"]["text"]
    assert heat["colorbar"]["title"]["text"] == "validation accuracy"
    assert "equal rate / batch size" in {trace.get("name") for trace in marks}
    assert [step["label"] for step in chart["layout"]["sliders"][0]["steps"]] == ["1", "2"]
    first = chart["frames"][0]["data"][0]["z"]
    assert first[0][0] == by_cell[heat["y"][0], heat["x"][0]].accuracies[0]


def test_cells_that_diverged_are_marked_and_have_no_colour(mapped: str) -> None:
    view = ended(mapped)
    gone = replace(view.trials[2], state="diverged", losses=(), accuracies=(), finals=(0.0,))
    chart = map_figure.figure(replace(view, trials=(*view.trials[:2], gone, *view.trials[3:])), "accuracy")
    heat, *others = chart.data
    i, j = list(heat.y).index(gone.chosen["batch_size"]), list(heat.x).index(gone.chosen["lr"])
    assert heat.z[i][j] is None and "diverged" in heat.hovertext[i][j]
    (mark,) = [trace for trace in others if trace.name == "diverged (1)"]
    assert (mark.x, mark.y) == ((gone.chosen["lr"],), (gone.chosen["batch_size"],))


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_setting_that_was_cut_off_is_marked_and_the_best_of_no_row(mapped: str, state: str) -> None:
    view = ended(mapped)
    row = [trial for trial in view.trials if trial.chosen["batch_size"] == 16]
    figures = (((1.0, 1.0), (0.5, 0.6)), ((1.0, 0.9), (0.6, 0.7)), ((0.1,), (0.9,)))
    low, high, cut = (
        replace(trial, state="finished", losses=losses, accuracies=accuracies)
        for trial, (losses, accuracies) in zip(row, figures, strict=True)
    )
    cut = replace(cut, state=state)
    others = [trial for trial in view.trials if trial not in row]
    shown = replace(view, trials=(low, high, cut, *others))
    chart = map_figure.figure(shown, "accuracy")
    (mark,) = [trace for trace in chart.data if trace.name == f"{state} (1)"]
    assert (mark.x, mark.y) == ((cut.chosen["lr"],), (16,))
    # After either epoch.
    for frame in chart.frames:
        ridge = frame.data[1]
        assert dict(zip(ridge.y, ridge.x, strict=True))[16] == high.chosen["lr"]
    for figure_of in ("accuracy", "loss"):
        table = map_table.html(replace(shown, trials=(low, high, cut)), figure_of)
        assert table.count('class="best"') == 1 and f'class="best" data-value="{high.runs[0]}"' in table


def test_a_setting_that_was_stopped_says_so_where_its_figure_stands(mapped: str) -> None:
    view = ended(mapped)
    cut = replace(view.trials[0], state="stopped", losses=(0.3,), accuracies=(0.9,))
    shown = replace(view, trials=(cut, *view.trials[1:]))
    said = [text for row in map_figure.figure(shown, "accuracy").data[0].hovertext for text in row]
    assert len([text for text in said if text.endswith("<b>90.00%</b> after epoch 1, stopped")]) == 1
    assert ">90.00%, stopped</button>" in map_table.html(shown, "accuracy")
    assert ">0.3000, stopped</button>" in map_table.html(shown, "loss")


def test_colours_that_stand_for_more_say_so() -> None:
    low, high, clipped = map_figure._span(np.array([[0.1, 0.97]]), "accuracy")
    assert (round(low, 6), high, clipped) == (0.87, 0.97, True)
    assert map_figure._bar("accuracy", low, high, clipped)["ticktext"][0] == "≤ 87.0%"
    assert map_figure._bar("loss", *map_figure._span(np.array([[0.1, 2.0]]), "loss"))["ticktext"][-1] == "≥ 0.6000"


def test_the_ridge_is_the_best_rate_of_each_batch_size(mapped: str) -> None:
    chart = figures(open_page("sweep", sweep=mapped))[0]
    ridge = next(trace for trace in chart["data"] if trace.get("name", "").startswith("best learning rate"))
    view = ended(mapped)
    for size, rate in zip(ridge["y"], ridge["x"], strict=True):
        own = [t for t in view.trials if t.chosen["batch_size"] == size and t.state == "finished"]
        assert rate == max(own, key=lambda t: t.accuracy or 0).chosen["lr"]


def test_the_colour_can_be_the_loss_and_is_in_the_address(mapped: str) -> None:
    page = open_page("sweep", **{"sweep": mapped, "map-color": "Validation loss"})
    assert not page.exception
    heat = figures(page)[0]["data"][0]
    trial = next(t for t in ended(mapped).trials if t.state == "finished")
    assert trial.loss in [value for row in heat["z"] for value in row]
    assert heat["colorbar"]["title"]["text"] == "validation loss"


def test_the_maps_table_marks_the_best_of_the_shown_figure(mapped: str) -> None:
    view = ended(mapped)
    row = [trial for trial in view.trials if trial.chosen["batch_size"] == 16][:2]
    figures = (((0.5,), (0.8,)), ((0.7,), (0.9,)))
    sure, right = (
        replace(trial, state="finished", losses=losses, accuracies=accuracies)
        for trial, (losses, accuracies) in zip(row, figures, strict=True)
    )
    for figure_of, best in (("loss", sure), ("accuracy", right)):
        table = map_table.html(replace(view, trials=(sure, right)), figure_of)
        assert table.count('class="best"') == 1 and f'class="best" data-value="{best.runs[0]}"' in table


def test_a_cell_opens_its_run_and_one_whose_run_was_deleted_says_so(
    mapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[dict[str, str]] = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params=None: went.append(query_params or {}))
    run = ended(mapped).trials[0].runs[0]
    for pressed, opened, said in (
        (run, [{"run": run}], []),
        ("gone", [], ["The run of this setting was deleted; its figures stay here."]),
    ):
        state: dict[str, Any] = {}
        with monkeypatch.context() as outside:
            # The callback of a component, which AppTest cannot press.
            outside.setattr(heat_map.st, "session_state", state)
            heat_map._open(pressed)
        page = open_page("sweep", sweep=mapped)
        for key, value in state.items():
            page.session_state[key] = value
        went.clear()
        page.run()
        assert not page.exception
        assert (went, [toast.value for toast in page.toast]) == (opened, said)


def test_the_best_goes_to_train_and_into_a_race(mapped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        "streamlit.switch_page", lambda page, query_params=None: went.append((page, query_params or {}))
    )
    page = open_page("sweep", sweep=mapped)
    best = ended(mapped).best
    assert best
    button(page, "Take the best to Train").click().run()
    assert went.pop() == ("views/train/page.py", {})
    assert page.session_state[forms.key("lr")] == f"{best.config.lr:g}"
    button(page, "Race the best").click().run()
    (place, address) = went.pop()
    assert place == "views/sweep/page.py" and address["runs"].split(",")[0] == best.runs[0]
    assert "sweep.best.code.pytorch" in {b.key for b in page.get("download_button")}


def test_only_settings_whose_runs_are_left_can_be_raced(service: Service) -> None:
    sweep = swept("lr=0.001,0.002,0.003")
    (first, *others) = [trial.runs[0] for trial in ended(sweep).ranking]
    service.delete(others[:1])
    service.purge(others[:1])
    assert "Race the best 2" in labels(open_page("sweep", sweep=sweep))
    service.delete([first, *others[1:]])
    service.purge([first, *others[1:]])
    page = open_page("sweep", sweep=sweep)
    assert not page.exception and not any("Race the best" in label for label in labels(page))


def test_only_the_label_that_was_changed_is_saved(service: Service) -> None:
    sweep = swept("lr=0.001,0.002")
    page = open_page("sweep", sweep=sweep)
    lab.sweeps().edit(sweep, name="renamed elsewhere")
    page.text_area[0].set_value("my note")
    button(page, "Save").click().run()
    view = ended(sweep)
    assert (view.name, view.notes) == ("renamed elsewhere", "my note")
    assert next(field.value for field in page.text_input if field.label == "Name") == "renamed elsewhere"


def test_it_leaves_as_a_page_that_stands_alone(mapped: str) -> None:
    view = replace(ended(mapped), name="<b>mine</b>")
    page = document(view, "light")
    assert "&lt;b&gt;mine&lt;/b&gt;" in page and "<b>mine" not in page
    assert "All settings" in page and view.best and f"{100 * (view.best.accuracy or 0):.2f}%" in page
    assert '"heatmap"' in page and "http-equiv" in page
    going = "The sweep was running when this page was saved."
    assert going not in page and going in document(replace(view, state="running"), "light")


def test_its_settings_come_back_into_the_form(mapped: str) -> None:
    page = open_page("sweep", sweep=mapped)
    button(page, "Sweep again").click().run()
    assert "sweep" not in page.query_params
    assert page.text_input(key="vary.lr.high").value == "1000"
    assert page.multiselect(key="vary.batch_size.values").value == ["16", "64"]
    assert button(page, "Start").label == "Start 6 runs"


def test_a_sweep_of_one_setting_is_a_race_and_its_result_by_value(service: Service) -> None:
    page = open_page("sweep", sweep=swept("lr=0.001,0.01", seeds=2))
    assert not page.exception
    (chart,) = [e.proto for e in page.get("bidi_component") if e.proto.component_name.endswith("live_chart")]
    lines = json.loads(chart.json)["lines"]
    assert [len(line["runs"]) for line in lines] == [2, 2]
    (points,) = figures(page)[0]["data"]
    assert sorted(points["x"]) == [0.001, 0.01]


@pytest.fixture(scope="module")
def searched(service: Service) -> str:
    return swept("lr=0.0001:0.1:log", "batch_size=32,128", "weight_decay=0.0001:0.01:log", sampler="random", trials=6)


def test_a_sweep_of_three_settings_shows_what_was_found_and_what_matters(searched: str) -> None:
    page = open_page("sweep", sweep=searched)
    assert not page.exception
    wait_for(lambda: lab.sweeps().importance(searched).status().done)
    page.run()
    kinds = [chart["data"][0]["type"] for chart in figures(page)]
    assert kinds == ["scatter", "parcoords", "scatter", "scatter", "scatter", "contour", "bar"]
    parallel = figures(page)[1]["data"][0]
    assert [axis["label"] for axis in parallel["dimensions"]] == [
        "Learning rate", "Batch size", "Weight decay", "Validation accuracy",
    ]  # fmt: skip
    bars = figures(page)[-1]["data"][0]
    assert abs(sum(bars["x"]) - 1) < 1e-6 and bars["error_x"]["array"]


def test_what_matters_names_the_number_of_the_best_and_says_where_there_are_none(
    searched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = lab.sweeps().importance(searched)
    assert job
    final = job.wait()
    page = open_page("sweep", sweep=searched)
    # Half of six.
    assert {row.best for row in final} == {3} and "being among the best 3 (PED-ANOVA)" in text(page)
    none = SimpleNamespace(
        status=lambda: Status[Any](started=True, result=(), done=True), start=int, kind=IMPORTANCE, key="none"
    )
    monkeypatch.setattr(lab.sweeps(), "importance", lambda sweep_id: none)
    page.run()
    assert not page.exception and "resamples" not in text(page)
    assert "It cannot be told yet: too many of the settings that have finished are equally good." in text(page)
    assert "bar" not in [chart["data"][0]["type"] for chart in figures(page)]


def test_listed_values_are_the_ticks_of_their_axis(searched: str) -> None:
    sweep = lab.sweeps().view(searched)
    assert sweep
    rate, size, _ = sweep.settings.space.dimensions
    axis = search_figures.contour(sweep, rate, size, ()).layout.yaxis
    assert (axis.type, list(axis.tickvals), list(axis.ticktext)) == ("log", [32, 128], ["32", "128"])


@pytest.mark.parametrize("varied", ["lr=0.01,0.1,1", "weight_decay=0,0.1", "lr=0.1:1", "batch_size=16,64", "seed=1,2"])
def test_a_setting_has_one_scale_in_all_figures_of_sweeps(varied: str) -> None:
    (setting,) = parse(RunConfig(), [varied]).dimensions
    trial = SimpleNamespace(
        number=0, chosen={setting.name: setting.ladder[0]}, accuracy=0.9, accuracies=(0.9,), losses=(0.3,), epochs=1,
        state="finished", runs=("x",),
    )  # fmt: skip
    sweep: Any = SimpleNamespace(trials=[trial], settings=SimpleNamespace(space=SimpleNamespace(dimensions=[setting])))
    of_map = map_figure._axis(setting, setting.ladder)["type"]
    assert search_figures.slices(sweep, setting, ()).layout.xaxis.type == of_map
    assert of_map == ("linear" if varied in ("weight_decay=0,0.1", "seed=1,2") else "log")


def test_what_is_drawn_at_an_edge_is_told_as_it_is() -> None:
    space = parse(RunConfig(), ["optimizer=sgd,momentum", "lr=0.001:1:log", "param.momentum=0.5,0.9"])
    optimizer, lr, momentum = space.dimensions
    chosen: list[dict[str, Any]] = [
        {optimizer.name: "momentum", lr.name: 0.01, momentum.name: 0.9},
        {optimizer.name: "momentum", lr.name: 0.1, momentum.name: 0.5},
        {optimizer.name: "sgd", lr.name: 1.0},
    ]
    found = zip(chosen, (0.97, 0.95, 0.1135), strict=True)
    trials = [
        SimpleNamespace(number=i, chosen=c, accuracy=a, accuracies=(a,), state="finished", epochs=1, runs=("x",))
        for i, (c, a) in enumerate(found)
    ]
    sweep: Any = SimpleNamespace(trials=trials, settings=SimpleNamespace(space=space), id="s")
    for chart in (search_figures.slices(sweep, lr, ()), search_figures.history(sweep, ())):
        assert list(chart.data[0].y) == pytest.approx([0.97, 0.95, 0.87])
        assert chart.data[0].meta == {"y": [0.97, 0.95, 0.1135]}
        assert chart.layout.meta == {"y": "validation accuracy"}
        # What stands at the edge has a mark of its own, which the axis explains.
        assert chart.data[0].marker.symbol == ("circle", "circle", "triangle-down")
        assert chart.layout.yaxis.title.text == "validation accuracy<br>(▼ below 87%)"
    in_legend = [trace for trace in search_figures.history(sweep, ()).data if trace.showlegend is not False]
    assert {(trace.name, trace.marker.symbol) for trace in in_legend} == {("settings", None), ("best so far", None)}
    (lines,) = search_figures.parallel(sweep, ()).data
    assert lines.meta == {
        "Optimizer": ["Momentum", "Momentum", "SGD"],
        "Learning rate": [0.01, 0.1, 1.0],
        "Momentum": [0.9, 0.5, None],
        "Validation accuracy": [0.97, 0.95, 0.1135],
    }
    # Both can be seen as thin lines on light and on dark pages.
    assert lines.line.colorscale == ((0, GREY), (1, BLUE))
    assert set(lines.meta) == {axis.label for axis in lines.dimensions}
    assert lines.dimensions[-1].ticktext == ("≤ 87.0%", "89.5%", "92.0%", "94.5%", "97.0%")
    between = search_figures.contour(sweep, lr, momentum, ())
    scale = search_figures.contour(sweep, lr, lr, ()).data[-1].marker.colorbar
    assert scale.ticktext == lines.dimensions[-1].ticktext
    assert between.data[-1].meta == {"z": [0.97, 0.95]} and between.layout.meta == {"z": "validation accuracy"}


def test_colours_between_settings_are_means_by_the_third_power_of_their_distance(searched: str) -> None:
    sweep = lab.sweeps().view(searched)
    assert sweep
    rate, _, decay = sweep.settings.space.dimensions
    colors = search_figures.contour(sweep, decay, rate, ()).data[0]
    low, high = math.log(decay.ladder[0]), math.log(decay.ladder[-1])
    bottom, top = math.log(rate.ladder[0]), math.log(rate.ladder[-1])
    # The 12th column and the 31st row of 40.
    across, up = 11 / 39, 30 / 39
    assert math.log(colors.x[11]) == pytest.approx(low + across * (high - low))
    assert math.log(colors.y[30]) == pytest.approx(bottom + up * (top - bottom))
    weighted = total = 0.0
    for trial in sweep.trials:
        x = (math.log(trial.chosen["weight_decay"]) - low) / (high - low)
        y = (math.log(trial.chosen["lr"]) - bottom) / (top - bottom)
        weight = 1 / (math.dist((x, y), (across, up)) ** 3 + 1e-4)
        total += weight
        weighted += weight * max(colors.zmin, trial.accuracy or 0.0)
    assert colors.z[30][11] == pytest.approx(weighted / total)


def test_the_interval_of_an_accuracy_ends_at_0_and_100_percent() -> None:
    said = [verdict.ends(intervals.interval(figures)) for figures in ((0.5, 0.51), (0.98, 0.985), (0.0, 0.97), (0.9,))]
    assert said == ["44.15 to 56.85%", "95.07 to 100.00%", "0.00 to 100.00%", UNKNOWN]


def test_what_matters_counts_what_diverged(service: Service) -> None:
    base = RunConfig.recommended("sgd", epochs=1, validation_split=0.95)
    sweep_id = lab.sweeps().start(Settings(parse(base, ["lr=0.1,5", "weight_decay=0,1"])), owner_name="Ada")
    found = ended(sweep_id)
    assert (found.count("finished"), found.count("diverged")) == (3, 1)
    job = lab.sweeps().importance(sweep_id)
    assert job and job.wait()
    shown = text(open_page("sweep", sweep=sweep_id))
    assert "Chosen among 3 settings" in shown
    assert "over resamples of the 4 settings that had finished or diverged." in shown


def test_a_running_sweep_keeps_what_matters_while_it_is_computed_anew_and_sends_no_table_that_is_closed(
    searched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = open_page("sweep", sweep=searched)
    wait_for(lambda: lab.sweeps().importance(searched).status().done)
    shown.run()
    found = lab.sweeps().view(searched)
    assert found
    started: list[bool] = []
    coming = SimpleNamespace(
        status=lambda: Status(started=True), start=lambda: started.append(True), kind=IMPORTANCE, key="coming"
    )
    monkeypatch.setattr(lab.sweeps(), "importance", lambda sweep_id: coming)
    monkeypatch.setattr(lab.sweeps(), "view", lambda sweep_id: replace(found, state="running"))
    for page, last in ((shown, "bar"), (open_page("sweep", sweep=searched), "contour")):
        page.run()
        assert not page.exception and started
        # Who sees the sweep for the first time gets the progress.
        assert figures(page)[-1]["data"][0]["type"] == last
        assert "All settings" in [part.label for part in page.expander]
        assert not tables(page)
    monkeypatch.undo()
    assert len(tables(shown.run())) == 1


def test_what_mattered_so_far_stays_until_all_trials_of_a_finished_sweep_are_counted(
    searched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = lab.sweeps().importance(searched)
    assert job
    final = job.wait()
    coming, done = Status[Any](started=True), Status(started=True, result=final, done=True)
    looks = [coming]
    later = SimpleNamespace(
        status=lambda: looks.pop(0) if len(looks) > 1 else looks[0], start=int, kind=IMPORTANCE, key="later"
    )
    monkeypatch.setattr(lab.sweeps(), "importance", lambda sweep_id: later)
    page = open_page("sweep", sweep=searched)
    assert not page.exception and "resamples" not in text(page)
    page.session_state["sweep.importance"] = (searched, tuple(replace(row, trials=5) for row in final))
    page.run()
    assert not page.exception and "resamples of the 5 settings" in text(page)
    # Done at the second look, which no visitor asks for.
    looks[:] = [coming, done]
    page.run()
    assert not page.exception and "resamples of the 6 settings" in text(page)


def test_the_page_is_drawn_anew_once_there_is_a_best_to_confirm(searched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = lab.sweeps().view(searched)
    assert sweep and sweep.best
    monkeypatch.setattr(one.st, "rerun", rerun)
    with pytest.raises(InterruptedError):
        one._live(searched, one._around(replace(sweep, trials=())), None, lambda sweep: None)


@pytest.fixture
def polled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The parts that pages draw at intervals: what draws each, with its arguments. A rerun raises InterruptedError."""
    parts: list[tuple[Any, ...]] = []
    fragment = address.fragment

    def noted(every: float | None) -> Any:
        def decorate(draw: Any) -> Any:
            return lambda *given: (parts.append((draw, *given)) if every else None, fragment(every)(draw)(*given))[1]

        return decorate

    monkeypatch.setattr(address, "fragment", noted)
    return parts


def rerun() -> None:
    raise InterruptedError


def test_the_page_of_a_sweep_that_does_not_run_is_drawn_anew_once_it_has_changed(
    searched: str, polled: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = lab.sweeps().importance(searched)
    assert job
    # Until it is there, the page looks for that too.
    job.wait()
    page = open_page("sweep", sweep=searched)
    assert not page.exception
    ((watch, *given),) = polled
    monkeypatch.setattr(one.st, "rerun", rerun)
    watch(*given)
    lab.sweeps().edit(searched, notes="by another device")
    with pytest.raises(InterruptedError):
        watch(*given)


@pytest.mark.parametrize("before", [[], ["finished"]])
def test_the_list_follows_sweeps_that_others_start(
    mapped: str, before: list[str], polled: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (some,) = [summary for summary in lab.sweeps().summaries() if summary.id == mapped]
    states = [before, [*before, "running"]]
    monkeypatch.setattr(
        lab.sweeps(), "summaries", lambda: [replace(some, id=str(i), state=s) for i, s in enumerate(states[0])]
    )
    page = open_page("sweep")
    assert not page.exception
    ((follow, *given),) = polled
    monkeypatch.setattr(one.st, "rerun", rerun)
    del states[0]
    with pytest.raises(InterruptedError):
        follow(*given)


def test_figures_of_one_revision_are_made_once_for_all_who_look(searched: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(drawings, "drawing", lambda figure: made.append(figure) or drawing(figure))
    counts = []
    for marked in ((0, 2, 3), (0, 2, 3), (2, 3)):
        page = open_page("sweep", sweep=searched)
        page.session_state["sweep.marked"] = (searched, "history", marked)
        page.run()
        assert not page.exception
        assert figures(page)[0]["data"][0]["selectedpoints"] == list(marked)
        counts.append(len(made))
    # Without marks, which the first draws of each page are, they are those of other tests.
    assert counts[0] > 0 and counts[1] == counts[0] and counts[2] > counts[1]


def test_a_large_sweep_is_drawn_less_often(searched: str) -> None:
    sweep = lab.sweeps().view(searched)
    assert sweep and one._period(sweep) is None
    running = replace(sweep, state="running")
    periods = [one._period(replace(running, trials=sweep.trials[:1] * count)) for count in (0, 99, 100, 249, 250, 9000)]
    assert periods == [1.0, 1.0, 2.0, 2.0, 5.0, 5.0]


def test_those_who_look_at_a_running_sweep_share_it_and_one_that_is_over_is_as_it_is(
    searched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = lab.sweeps().view(searched)
    assert sweep
    views = [replace(sweep, revision=revision) for revision in range(101, 110)]
    monkeypatch.setattr(lab.sweeps(), "view", lambda sweep_id: views.pop(0))

    def look(visitor: dict[str, Any], at: float, every: float | None = 5.0) -> int:
        monkeypatch.setattr(one.st, "session_state", visitor)
        monkeypatch.setattr(one.time, "monotonic", lambda: at)
        found = one._looked_at(searched, every)
        assert found
        return found.revision

    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    # A time at which no other test has looked.
    assert [look(first, 1e9 + 1), look(second, 1e9 + 4), look({}, 1e9 + 4, None)] == [101, 101, 102]
    # What a visitor chooses before the next drawing is of the same moment; a drawing that comes early is not.
    assert [look(first, 1e9 + 5.2), look({}, 1e9 + 5.2), look(first, 1e9 + 5.9)] == [101, 103, 103]
    # Another sweep's, of another page, is looked at anew.
    first["sweep.shown.5.0"] = ("another", 1e9 + 5.9, None)
    assert look(first, 1e9 + 6) == 103


def test_what_is_marked_in_one_figure_is_marked_in_all(searched: str) -> None:
    page = open_page("sweep", sweep=searched)
    page.session_state["sweep.marked"] = (searched, "history", (1, 4))
    page.run()
    charts = figures(page)
    assert charts[0]["data"][0]["selectedpoints"] == [1, 4]
    assert all(chart["data"][0]["selectedpoints"] == [1, 4] for chart in charts[2:5])
    assert charts[1]["data"][0]["customdata"] == ["1", "4"]
    assert "2 settings marked" in text(page)
    button(page, "Unmark all").click().run()
    assert "selectedpoints" not in figures(page)[0]["data"][0] and "settings marked" not in text(page)


def test_confirm_names_the_winner_and_its_luck(searched: str) -> None:
    page = open_page("sweep", sweep=searched)
    page.text_input(key="sweep.confirm.best").set_value("2")
    page.text_input(key="sweep.confirm.seeds").set_value("2").run()
    button(page, "Confirm").click().run()
    assert not page.exception and not page.error
    wait_for(lambda: lab.sweeps().view(searched).confirmation.done)
    page.run()
    assert not page.exception
    said = text(page).replace("\\", "")
    assert "Winner: learning rate" in said and "the settings it began from" in said
    assert "with fresh seeds the same settings reach" in said
    assert "Test accuracy of the winner, looked at for it alone" in said


def test_a_sweep_of_the_seed_offers_no_confirmation(service: Service) -> None:
    page = open_page("sweep", sweep=swept("seed=1,2"))
    assert not page.exception and "Confirm" not in labels(page)
    said = text(page).replace("\\", "")
    assert "A sweep that varies the seed cannot be confirmed, since a confirmation gives" in said
    assert "Chosen among 2 settings" in said and "below trains the best few" not in said


def test_a_sweep_is_paused_resumed_stopped_and_given_more(service: Service) -> None:
    long = RunConfig(epochs=400, validation_split=0.5)
    sweep_id = lab.sweeps().start(Settings(parse(long, ["lr=0.001,0.01,0.1"])))
    page = open_page("sweep", sweep=sweep_id)
    for name, state in (("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped")):
        button(page, name).click().run()
        assert not page.exception and not page.error
        assert lab.sweeps().view(sweep_id).state == state
    page.text_input(key="sweep.more.trials").set_value("0").run()
    button(page, "Go on with more").click().run()
    assert lab.sweeps().view(sweep_id).state == "stopped"
    button(page, "Remove the sweep").click().run()
    assert lab.sweeps().view(sweep_id) is None and not page.exception


@pytest.mark.usefixtures("teachers_lab")
def test_in_a_teachers_lab_a_stranger_may_look_only(service: Service) -> None:
    settings = Settings(parse(SHORT, ["lr=0.001,0.01"]))
    sweep_id = lab.sweeps().start(settings, owner=STRANGER, owner_name="Eve")
    ended(sweep_id)
    page = open_page("sweep", sweep=sweep_id)
    assert not {"Pause", "Stop", "Remove the sweep", "Go on with more", "Save"} & set(labels(page))
