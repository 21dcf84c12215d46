"""Controls of the lessons, against what core says."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.analysis.evaluation import evaluate
from core.analysis.gradient_noise import batch_gradients, gradient_noise
from core.analysis.sharpness import largest_stable_rate, sharpness
from core.data import Mnist
from core.optimizers.response import response
from core.runs.service import Service
from core.training.batches import Batches
from core.training.config import RunConfig
from core.training.network import Network
from dashboard.plots import REPEATED
from dashboard.sources import from_file
from dashboard.views.lessons import TOUCHES, lessons
from dashboard.views.lessons.touches import TABLE, batches, units
from dashboard.views.lessons.touches.batches import digits_of, measured_noise
from dashboard.views.lessons.touches.labels import SHOWN
from dashboard.views.lessons.touches.network import outputs_for
from dashboard.views.lessons.touches.rules import places
from dashboard.views.lessons.touches.units import answers
from tests.dashboard.conftest import button, in_address, open_page, text, wait_for_runs


def formulas(page) -> str:
    return "\n".join(formula.value for formula in page.latex)


def test_every_lesson_has_something_to_touch() -> None:
    assert tuple(TABLE) == TOUCHES
    assert {lesson.touch for lesson in lessons().values()} == set(TOUCHES)


def test_the_size_of_a_batch_says_its_steps_and_its_noise(service: Service, mnist: Mnist) -> None:
    page = open_page("lessons", lesson="1-batch")
    exact = gradient_noise(Network(0), mnist.split(54_000)[0])
    for size, steps in ((64, "94 steps"), (2048, "3 steps")):
        page.select_slider(key="touch.size").set_value(size).run()
        assert f"**{steps} an epoch.** The noise of each step is **{exact.of(size):.2f}** times" in text(page)
    page.select_slider(key="touch.size").set_value("full").run()
    assert "**1 step an epoch.** The noise of each step is **0.00** times" in text(page)
    # Of the touch alone, which is a fragment: the rest of the page stays as it is.
    assert "Your prediction" in page.radio[0].label


def test_the_measured_noise_is_the_formulas(mnist: Mnist) -> None:
    digits = mnist.split(54_000)[0]
    exact = gradient_noise(Network(0), digits)
    for size in (32, 256):
        measured = measured_noise(batch_gradients(RunConfig(batch_size=size, validation_split=0.9), digits, 20))
        assert measured == pytest.approx(exact.of(size), rel=0.1)


def test_the_digits_of_a_step_are_those_of_its_batch(mnist: Mnist) -> None:
    lines = lessons()["2-order"].lines
    for config in lines.values():
        digits = mnist.split(config.validation_images)[0]
        for step, batch in zip((1, 2, 3), Batches(config, digits).epoch(0), strict=False):
            assert digits_of(config, step) == batch.targets.sum(0).int().tolist()
    assert digits_of(lines["Sorted by digit"], 1) == [64] + 9 * [0]
    assert digits_of(lines["Sorted by digit"], 750) == 9 * [0] + [64]


def test_the_order_decides_whether_a_batch_knows_the_gradient(service: Service) -> None:
    page = open_page("lessons", lesson="2-order")
    shuffled = [line for line in text(page).splitlines() if "cosine" in line]
    page.segmented_control(key="touch.order").set_value("Sorted by digit").run()
    page.slider(key="touch.step").set_value(750).run()
    assert not page.exception
    sorted_by_digit = [line for line in text(page).splitlines() if "cosine" in line]
    cosines = [float(line[0].split("**")[1]) for line in (shuffled, sorted_by_digit)]
    assert cosines[0] > 0.5 > cosines[1]


def test_steps_down_a_parabola_shrink_by_one_minus_rate_times_curvature() -> None:
    assert places(4.0, 0.125)[:4] == pytest.approx([1, 0.5, 0.25, 0.125])
    assert np.abs(places(4.0, 0.6))[-1] > 1 > np.abs(places(4.0, 0.45))[-1]


def test_the_rates_limit_is_that_of_the_networks_own_curvature(service: Service) -> None:
    page = open_page("lessons", lesson="4-learning-rate")
    limit = largest_stable_rate(sharpness(Network(0), "cross_entropy").value)
    assert f"below 2 / λ = **{limit:.2f}**" in text(page)
    page.select_slider(key="touch.rate").set_value(5.0).run()
    assert f"The steps lead away from the bottom, from side to side: the rate is above 2 / λ = **{limit:.2f}**" in text(
        page
    )
    # The lesson's own lines are on the same sides.
    assert [config.lr < limit for config in lessons()["4-learning-rate"].lines.values()] == [True, True, True, False]


def test_a_schedules_parameter_changes_its_rates(service: Service) -> None:
    page = open_page("lessons", lesson="5-schedules")
    config = lessons()["5-schedules"].lines["Decaying: exponential"]
    rates = np.array(config.planned_rates(range(config.span.steps)))
    assert rf"\sum_t \eta_t = {rates.sum():.0f}" in formulas(page)
    # A factor of 1 leaves the rate as it is.
    page.slider(key="touch.exponential").set_value(1.0).run()
    assert rf"\sum_t \eta_t = {0.1 * config.span.steps:.0f}" in formulas(page)
    for name in lessons()["5-schedules"].lines:
        page.selectbox(key="touch.schedule").set_value(name).run()
        assert not page.exception


def test_momentum_says_how_much_agreeing_gradients_add_up_to(service: Service) -> None:
    page = open_page("lessons", lesson="6-momentum")
    assert r"\frac{1}{1-\mu} = 10" in formulas(page) and "as long as 9.9 of plain SGD's" in text(page)
    page.select_slider(key="touch.momentum").set_value(0.5).run()
    assert r"\frac{1}{1-\mu} = 2" in formulas(page) and "as long as 2.0 of plain SGD's" in text(page)


def test_a_smaller_gradient_shortens_sgds_step_alone(service: Service) -> None:
    page = open_page("lessons", lesson="7-adaptive")
    assert r"SGD: } 1.0 \cdot 10^{-6}" in formulas(page) and r"Adam: } 1.0 \cdot 10^{-3}" in formulas(page)
    page.select_slider(key="touch.gradient").set_value(10.0).run()
    assert r"SGD: } 1.0 \cdot 10^{-2}" in formulas(page) and r"Adam: } 1.0 \cdot 10^{-3}" in formulas(page)


def test_a_digit_goes_through_the_network_before_and_after_training(service: Service, mnist: Mnist) -> None:
    before = outputs_for(Network(0), mnist.test.images[0])
    page = open_page("lessons", lesson="8-the-network")
    assert f"not trained yet, says {int(before.argmax())} with {100 * float(before.max()):.1f}%" in text(page)
    assert int(before.argmax()) == int(evaluate(Network(0), mnist.test[:1]).predictions[0])
    # By the number that it has on the Predictions page.
    page.number_input(key="touch.digit").set_value(9_999).run()
    last = outputs_for(Network(0), mnist.test.images[9_999])
    assert f"says {int(last.argmax())} with {100 * float(last.max()):.1f}%" in text(page)
    page.number_input(key="touch.digit").set_value(0).run()
    button(page, "Run it").click().run()
    wait_for_runs(service, in_address(page, "runs").split(","))
    page.run()
    assert "The trained network says 7 with" in text(page) and "which is right" in text(page)


@pytest.mark.parametrize("typed", [False, True])
def test_it_has_the_seed_that_the_link_fixes_or_the_visitor_chose(service: Service, typed: bool) -> None:
    page = open_page("lessons", lesson="10-first-weights", **({} if typed else {"seed": "7"}))
    if typed:
        page.text_input(key="lesson.10-first-weights.seed").set_value("7").run()
    sizes = [f"{answers(Network(seed)).size:.3g}" for seed in (0, 7)]
    assert sizes[0] != sizes[1] and f"the mean answer is {sizes[1]}." in text(page)


def test_it_has_the_settings_of_the_runs_where_there_are_some(service: Service, mnist: Mnist) -> None:
    lesson = lessons()["2-order"]
    configs = lesson.configs(seed=7, epochs=1)
    ids = service.submit_group(configs)
    page = open_page("lessons", lesson="2-order", runs=",".join(ids))
    # The order of the first batch and the weights at which its gradient is taken are those of seed 7.
    (gradient,) = batch_gradients(configs[0], configs[0].split(mnist)[0], 1)
    assert f"is **{gradient.cosine:.2f}**" in text(page)
    assert page.text_input(key="lesson.2-order.seed").placeholder == "7"
    page.toggle(key="numbers.2-order").set_value(True).run()
    assert not page.exception
    wait_for_runs(service, ids)
    # Any other runs in their place have no say in what the lesson's lines are.
    page = open_page("lessons", lesson="7-adaptive", runs=",".join([*ids, ids[0]]))
    assert not page.exception and r"SGD: } 1.0 \cdot 10^{-6}" in formulas(page)


def test_a_schedule_is_drawn_over_the_epochs_that_were_chosen(service: Service) -> None:
    page = open_page("lessons", lesson="5-schedules", epochs="3")
    config = replace(lessons()["5-schedules"].lines["Decaying: exponential"], epochs=3)
    rates = np.array(config.planned_rates(range(config.span.steps)))
    assert rf"\sum_t \eta_t = {rates.sum():.0f}" in formulas(page)


def test_a_link_may_hide_it(service: Service) -> None:
    assert not open_page("lessons", lesson="1-batch", hide="touch").select_slider


def test_the_first_step_of_rmsprop_is_the_ten_rates_that_the_text_says() -> None:
    config = lessons()["7-adaptive"].lines["RMSprop"]
    assert "= 10$ times the rate" in lessons()["7-adaptive"].text
    assert response(config.optimizer_spec, [0.5], config.lr)[0] / config.lr == pytest.approx(10, rel=1e-6)


def test_a_share_of_wrong_labels_is_shown_on_the_digits_and_as_a_loss(service: Service, mnist: Mnist) -> None:
    page = open_page("lessons", lesson="9-few-images")
    config = lessons()["9-few-images"].lines["Nothing against it"]
    for share, wrong, loss in ((0.3, 600, 1.27), (0.0, 0, 0.0), (0.9, 1800, np.log(10))):
        page.select_slider(key="touch.share").set_value(share).run()
        assert f"**{wrong:,} of 2,000 labels are wrong.**" in text(page)
        assert f"has a training loss of **{loss:.2f}**" in text(page)
        labels, true = (
            replace(config, label_noise=noise).split(mnist)[0].labels[:SHOWN].tolist() for noise in (share, 0.0)
        )
        (drawn,) = [html.proto.body for html in page.get("html") if "labelled" in html.proto.body]
        assert re.findall(r'alt="labelled (\d), true', drawn) == [str(label) for label in labels]
        assert drawn.count('class="wrong"') == sum(a != b for a, b in zip(labels, true, strict=True))


def test_the_units_answer_alike_on_every_scale_but_for_zero(service: Service) -> None:
    first = {name: answers(Network(0, name)) for name in ("zero", "small", "glorot", "large")}
    assert first["zero"].shares.max() == first["zero"].size == first["zero"].gradient == 0
    for name, scale in (("small", 0.01), ("large", 10.0)):
        # Rounding decides for an answer that is nearly 0.
        np.testing.assert_allclose(first[name].shares, first["glorot"].shares, atol=0.002)
        assert first[name].size == pytest.approx(scale * first["glorot"].size, rel=1e-3)
    assert first["zero"].loss == pytest.approx(np.log(10)) and first["large"].loss > 5 * np.log(10)
    assert first["small"].gradient < 0.05 * first["glorot"].gradient


def test_the_units_are_drawn_at_first_and_trained(service: Service) -> None:
    page = open_page("lessons", lesson="10-first-weights", hide="prediction")
    assert f"**128 of 128** units answer to some digit; the mean answer is {answers(Network(0)).size:.3g}." in text(
        page
    )
    page.segmented_control(key="touch.first").set_value("Zero").run()
    assert "At first **0 of 128** units answer to some digit; the mean answer is 0. Loss **2.3026**" in text(page)
    page.segmented_control(key="touch.first").set_value("Large").run()
    assert "of 128** units answer" in text(page) and "Run the lesson to see the trained units" in text(page)
    page.text_input(key="lesson.10-first-weights.epochs").set_value("1").run()
    button(page, "Run it").click().run()
    ids = in_address(page, "runs").split(",")
    wait_for_runs(service, ids)
    page.run()
    run = service.run(ids[4])
    assert run and run.config.initialization == "large"
    network = from_file(service.parameters_file(run.id)).network
    after = answers(network)
    assert f"trained, {int((after.shares > 0).sum())} units, mean answer {after.size:.3g}" in text(page)
    page.segmented_control(key="touch.first").set_value("Zero").run()
    assert "trained, 0 units, mean answer 0, loss 2.30" in text(page)


def test_the_curves_of_a_lesson_are_told_apart_where_they_are_saved() -> None:
    noise: Any = SimpleNamespace(of=lambda size: 1 / size)
    computed, measured, chosen = batches._over_sizes(noise, 16, [16, 64], [0.06, 0.02]).data
    assert (computed.name, measured.name, chosen.meta) == ("computed", "measured", REPEATED)
    ways: Any = [SimpleNamespace(along=1.0, across=0.5)]
    assert [curve.name for curve in batches._arrows(ways).data] == ["a batch", "all images"]
    found: Any = SimpleNamespace(shares=[0.5])
    assert [curve.name for curve in units._figure(found, found).data] == ["at the first weights", "trained"]
